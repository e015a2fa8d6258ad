/*
 * One function a command: arguments in, one call into the module that does it, reply out. Main thread. A handler answers its
 * request once, now or later (camd/control.h).
 */
#pragma once

#include "camd/control.h"
#include "protocol/commands.h"

/* By enum command_id; complete, which a test holds. */
extern const handler_fn handlers[N_COMMANDS];

void handle_start_recording(struct request *request);	/* record.c */
void handle_stop_recording(struct request *request);
void handle_sync(struct request *request);
void handle_take_snapshot(struct request *request);	/* pictures.c */
void handle_toggle_preview(struct request *request);
void handle_get_status(struct request *request);		/* status.c */
void handle_list_cameras(struct request *request);
void handle_get_config(struct request *request);		/* settings.c */
void handle_set_config(struct request *request);
void handle_subscribe(struct request *request);		/* subscriptions.c */
void handle_unsubscribe(struct request *request);
void handle_quit(struct request *request);		/* lifecycle.c */
void handle_ping(struct request *request);
void handle_wait(struct request *request);
void handle_describe(struct request *request);
void handle_set_controls(struct request *request);	/* cameras.c */
void handle_set_camera(struct request *request);
void handle_set_overlay(struct request *request);
void handle_new_session(struct request *request);	/* session.c */
void handle_trigger(struct request *request);		/* triggers.c */
void handle_mark(struct request *request);
void handle_frame_tap(struct request *request);
void handle_remux(struct request *request);		/* jobs.c */
void handle_export(struct request *request);
void handle_cancel(struct request *request);
void handle_list_recordings(struct request *request);	/* archive.c */
void handle_protect(struct request *request);
void handle_unprotect(struct request *request);
void handle_delete_recording(struct request *request);

#include "camd/handlers/handlers.h"

const handler_fn handlers[N_COMMANDS] = {
	[CMD_START_RECORDING] = handle_start_recording,
	[CMD_STOP_RECORDING] = handle_stop_recording,
	[CMD_TAKE_SNAPSHOT] = handle_take_snapshot,
	[CMD_GET_STATUS] = handle_get_status,
	[CMD_TOGGLE_PREVIEW] = handle_toggle_preview,
	[CMD_QUIT] = handle_quit,
	[CMD_PING] = handle_ping,
	[CMD_WAIT] = handle_wait,
	[CMD_DESCRIBE] = handle_describe,
	[CMD_LIST_CAMERAS] = handle_list_cameras,
	[CMD_GET_CONFIG] = handle_get_config,
	[CMD_SET_CONFIG] = handle_set_config,
	[CMD_SUBSCRIBE] = handle_subscribe,
	[CMD_UNSUBSCRIBE] = handle_unsubscribe,
	[CMD_SET_CONTROLS] = handle_set_controls,
	[CMD_SET_CAMERA] = handle_set_camera,
	[CMD_SET_OVERLAY] = handle_set_overlay,
	[CMD_NEW_SESSION] = handle_new_session,
	[CMD_REMUX] = handle_remux,
};

/*
 * Takes a video off the disk, with its timing table; protects one, or ends that. Everything is done relative to the directory that
 * confine_find() opened, and nothing but a regular file called like one of camd's videos is touched. Any thread.
 *
 * Who reads a video for long and wants it kept meanwhile has it locked, shared, by flock().
 */
#pragma once

#include "camd/confine.h"

/*
 * Finds a video that a master, or the catalogue, names; what there is at that name is looked at. ERR_PATH_NOT_ALLOWED: it is not below the
 * output directory, a link, or called otherwise than camd's videos are; ERR_NOT_FOUND; ERR_UNSUPPORTED: not a regular file.
 */
bool erase_find(const char *output_dir, const char *file, struct confined *at, struct error *err);

/*
 * The video goes. ERR_PERMISSION_DENIED: it is protected; ERR_BUSY: another camd's session, or somebody reads it. own: it lies in
 * this camd's own session folder, which that has locked.
 */
bool erase_video(const struct confined *at, bool own, struct error *err);

bool erase_is_protected(const struct confined *at);

/* Whether it lies in a session's folder of that name (NULL: none). */
bool erase_is_in_session(const struct confined *at, const char *session);

/* Puts the mark of protection beside the video, or takes it away; there already, or not there, is as good. */
bool erase_protect(const struct confined *at, bool protect, struct error *err);

/* Where a video went: its session's directory, right below output_dir, goes, too, if nothing but its log is left in it and no camd has it. */
void erase_empty_session(const char *output_dir, const struct confined *at);

/*
 * What FFmpeg's libraries have to say goes into the log: whole lines, with the name of the object that speaks.
 *
 * Their errors and warnings keep their level; all the rest is chatter by our measure and logged as debug.
 */
#pragma once

/* Once at the start, before the first use of libav*. */
void avlog_install(void);

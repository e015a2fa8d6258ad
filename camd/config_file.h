/* Which file of settings is read. At the start; one thread. */
#pragma once

/*
 * The absolute path of the file to be read, allocated; NULL: none. asked: what --config said; NULL if it said nothing, "" for
 * none. Without it: ./config.txt, as the program had it that camd replaces, else the user's ($XDG_CONFIG_HOME or ~/.config,
 * camd/camd.conf), else the system's (camd/camd.conf in the prefix's etc, or in /etc). The first that is there is the only one.
 */
char *config_file_choose(const char *asked);

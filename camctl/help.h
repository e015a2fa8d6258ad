/* camctl's help, off the tables. One thread. */
#pragma once

#include "camctl/cmdline.h"

#include <stdio.h>

void help_print(FILE *to);
void help_print_command(const struct command *command, FILE *to);
void help_print_frontend(const struct frontend_impl *frontend, FILE *to);
void help_print_script(FILE *to);

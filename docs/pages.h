/* What the tables print for people to read and for shells to complete; pages.c and camctl_pages.c name the files. */
#pragma once

#include <stdio.h>

/* Man pages, for scdoc. */
void manual_print_camd(FILE *to);
void manual_print_camctl(FILE *to);
void manual_print_protocol(FILE *to);

/* camd's part of the completion, and the whole, which reads that part from stdin. */
void completion_print_camd(FILE *to);
void completion_print_bash(FILE *to);
void completion_print_zsh(FILE *to);

struct page {
	const char *name;
	const char *file;	/* in docs/; NULL: it is a part of another's */
	void (*print)(FILE *to);
};

/* A program's whole work: without an argument, names and files; with a name, that page. The exit status. */
int page_main(const struct page *pages, size_t n, int argc, char **argv);

/*
 * A client of the test kernel's H.264 encoder that takes every step by itself, so that a test sees what each answers.
 * Functions return 0 or an errno, if nothing else is said. One thread per client.
 */
#ifndef TRY_CLIENT_H
#define TRY_CLIENT_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_BUFFERS = 8 };

struct shape {
	uint32_t fourcc;
	unsigned width, height;
	unsigned stride;			/* 0: the driver's own */
	unsigned crop_width, crop_height;	/* 0: all of it */
	bool imported;				/* OUTPUT buffers are dmabufs */
	unsigned outputs, captures;		/* 0: 4 */
};

struct client_plane {
	uint8_t *data;
	size_t size;
	int dmabuf;
};

struct client {
	int fd;
	bool multi;
	struct shape shape;			/* as the driver made it */
	unsigned planes;
	size_t plane_size[3], capture_size;
	struct client_plane output[CLIENT_BUFFERS][3], capture[CLIENT_BUFFERS];
	bool busy[CLIENT_BUFFERS];		/* OUTPUT buffers that the driver has */
};

/* What a CAPTURE buffer brought; `data` is the client's, until the next one. */
struct coded {
	const uint8_t *data;
	size_t size;
	uint32_t flags, sequence;
	uint64_t time_us;
};

/* Reads and switches the driver's parameters. */
long parameter_get(const char *name);
int parameter_set(const char *name, long value);

/* The encoder's node; NULL if there is none. */
const char *client_node(void);

int client_open(struct client *client);
void client_close(struct client *client);

/* Formats, buffers, all CAPTURE buffers queued. */
int client_configure(struct client *client, const struct shape *shape);
/* G_FMT, and what it says to S_FMT. */
int client_set_format_again(struct client *client, bool output);
int client_release_buffers(struct client *client);
int client_control(struct client *client, uint32_t id, int value);
int client_frame_rate(struct client *client, unsigned numerator, unsigned denominator);
int client_streaming(struct client *client, bool on, bool output, bool capture);
int client_command(struct client *client, uint32_t command);

/* An OUTPUT buffer that is free, or -1. */
int client_free_output(const struct client *client);
int client_put(struct client *client, int index, uint64_t time_us);
/* Takes back one OUTPUT buffer: its index, or less than 0: -errno. */
int client_take_output(struct client *client);
/* Takes what is in the next CAPTURE buffer, and gives the buffer back unless it was the last. */
int client_take(struct client *client, struct coded *coded);
int client_queue_capture(struct client *client, unsigned index);
/* revents, or 0 after the time */
int client_poll(struct client *client, int events, int timeout_ms);

#endif

#include "camd/mailbox.h"

#include "common/util.h"

#include <pthread.h>
#include <stdlib.h>

struct letter {
	mailbox_fn fn;
	void *argument;
	struct letter *next;
};

struct mailbox {
	uv_async_t bell;
	pthread_mutex_t lock;
	struct letter *first, **last;
};

static void read_all(struct mailbox *mailbox)
{
	for (;;) {
		struct letter *letter;

		pthread_mutex_lock(&mailbox->lock);
		letter = mailbox->first;
		if (letter) {
			mailbox->first = letter->next;
			if (!mailbox->first)
				mailbox->last = &mailbox->first;
		}
		pthread_mutex_unlock(&mailbox->lock);
		if (!letter)
			return;
		letter->fn(letter->argument);
		free(letter);
	}
}

static void on_bell(uv_async_t *bell)
{
	read_all(bell->data);
}

struct mailbox *mailbox_create(uv_loop_t *loop)
{
	struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));

	pthread_mutex_init(&mailbox->lock, NULL);
	mailbox->last = &mailbox->first;
	mailbox->bell.data = mailbox;
	uv_async_init(loop, &mailbox->bell, on_bell);
	return mailbox;
}

void mailbox_post(struct mailbox *mailbox, mailbox_fn fn, void *argument)
{
	struct letter *letter = xcalloc(1, sizeof(*letter));

	*letter = (struct letter){ .fn = fn, .argument = argument };
	pthread_mutex_lock(&mailbox->lock);
	*mailbox->last = letter;
	mailbox->last = &letter->next;
	pthread_mutex_unlock(&mailbox->lock);
	uv_async_send(&mailbox->bell);
}

static void on_closed(uv_handle_t *handle)
{
	struct mailbox *mailbox = handle->data;

	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

void mailbox_destroy(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	read_all(mailbox);
	uv_close((uv_handle_t *)&mailbox->bell, on_closed);
}

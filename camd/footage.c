#include "camd/footage.h"

#include "camd/config.h"
#include "camd/durable.h"
#include "camd/syncer.h"
#include "common/clock.h"
#include "common/util.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A file of FAT has 4 GiB less a byte at most: that leaves a quarter for the last group of pictures and the index. */
#define FAT_MAX_BYTES (UINT64_C(15) << 28)

static const struct output_impl *const containers[] = {
	[CONTAINER_MP4] = &output_fmp4,
	[CONTAINER_H264] = &output_annexb,
};

struct footage {
	const struct output_impl *impl;
	struct output *output;
	struct framelog *framelog;	/* NULL: no table is wanted */
	struct footage_facts facts;
	uint64_t max_bytes;
	struct syncer *syncer;
	bool synced;			/* the syncer has it */
	struct durable *durable;	/* NULL: nobody asks */
	uint64_t synced_rows;		/* the durability thread's: so far the last sync went, with durable */
	bool sync_failed;		/* the durability thread's */
	void (*on_failure)(void *user, const struct error *err);
	void (*on_synced)(void *user);
	void *user;
};

/* A name that neither a video nor a table has yet: NAME, NAME_2, NAME_3 … */
static void choose_paths(struct footage *footage, const struct footage_request *request, const struct frame_format *format)
{
	struct footage_facts *facts = &footage->facts;
	char stamp[CLOCK_STAMP_BYTES], suffix[16] = "";

	clock_stamp(request->wall_ns, stamp);
	for (int n = 2;; n++) {
		free(facts->path);
		free(facts->csv_path);
		facts->path = xasprintf("%s/%scam%d_%dx%d_%.1ffps_%s%s%s%s%s", request->directory, request->prefix, request->camera_id,
					format->width, format->height, request->fps, stamp, request->label ? "_" : "",
					request->label ? request->label : "", suffix, footage->impl->suffix);
		facts->csv_path = framelog_path_of(facts->path);
		if (access(facts->path, F_OK) && access(facts->csv_path, F_OK))
			return;
		snprintf(suffix, sizeof(suffix), "_%d", n);
	}
}

static uint64_t max_bytes_in(const char *directory)
{
	struct statfs fs;

	return !statfs(directory, &fs) && fs.f_type == MSDOS_SUPER_MAGIC ? FAT_MAX_BYTES : UINT64_MAX;
}

static bool open_files(struct footage *footage, const struct footage_request *request, const struct packet *first,
		       const struct frame_format *format, struct error *err)
{
	struct output_request wanted = {
		.path = footage->facts.path, .width = format->width, .height = format->height, .colour = format->colour,
		.fps = request->fps, .encoder = request->encoder, .title = request->title,
	};

	footage->output = footage->impl->create(&wanted, first, err);
	if (!footage->output)
		return false;
	if (!request->csv)
		return true;
	footage->framelog = framelog_create(footage->facts.csv_path, err);
	if (footage->framelog)
		return true;
	unlink(footage->facts.path);
	return false;
}

struct footage *footage_create(const struct footage_request *request, const struct packet *first, const struct frame_format *format,
			       struct error *err)
{
	struct footage *footage = xcalloc(1, sizeof(*footage));

	footage->impl = containers[request->container];
	footage->syncer = request->syncer;
	footage->durable = request->durable;
	footage->on_failure = request->on_failure;
	footage->on_synced = request->on_synced;
	footage->user = request->user;
	footage->max_bytes = max_bytes_in(request->directory);
	choose_paths(footage, request, format);
	syncer_claim(footage->syncer, footage->facts.path);
	if (!open_files(footage, request, first, format, err)) {
		footage_destroy(footage);
		return NULL;
	}
	return footage;
}

void footage_begin_syncing(struct footage *footage)
{
	footage->synced = true;
	syncer_add(footage->syncer, footage);
}

static void note(struct footage *footage, const struct packet *packet)
{
	struct footage_facts *facts = &footage->facts;

	if (!facts->frames++) {
		facts->first_ns = packet->sensor_ns;
		facts->first_wall_ns = packet->wall_ns;
	}
	facts->last_ns = packet->sensor_ns;
	facts->last_wall_ns = packet->wall_ns;
	facts->bytes = footage->output->bytes;
}

static bool write_both(struct footage *footage, const struct packet *packet, bool *in_video, struct error *err)
{
	/* the row's place first: a frame in the video without its row would be worse than neither */
	if (footage->framelog && !framelog_reserve(footage->framelog, err))
		return false;
	if (!footage->impl->write(footage->output, packet, err))
		return false;
	*in_video = true;
	note(footage, packet);
	return !footage->framelog || framelog_write(footage->framelog, packet, err);
}

bool footage_write(struct footage *footage, const struct packet *packet, bool *in_video, struct error *err)
{
	struct meter *meter = syncer_meter(footage->syncer);
	int64_t began_ns = clock_now_ns();
	uint64_t before = footage->output->bytes;
	bool good;

	*in_video = false;
	good = write_both(footage, packet, in_video, err);
	meter_note_write(meter, (int64_t)(footage->output->bytes - before), clock_now_ns() - began_ns);
	return good;
}

static bool sync_both(struct footage *footage, struct error *err)
{
	int64_t began_ns = clock_now_ns();
	bool good = footage->impl->sync(footage->output, err) && (!footage->framelog || framelog_sync(footage->framelog, err));

	meter_note_sync(syncer_meter(footage->syncer), clock_now_ns() - began_ns);
	return good;
}

bool footage_push_down(struct footage *footage, struct error *err)
{
	struct durable_point point;

	if (!footage->durable)
		return sync_both(footage, err);
	point = durable_begin_sync(footage->durable);
	if (point.rows == footage->synced_rows)
		return true;
	if (!sync_both(footage, err))
		return false;
	durable_end_sync(footage->durable, &point);
	footage->synced_rows = point.rows;
	return true;
}

void footage_push(struct footage *footage)
{
	footage->impl->push(footage->output);
}

bool footage_sync(struct footage *footage, struct error *err)
{
	if (footage->sync_failed)
		return error_set(err, ERR_IO, "%s: a sync failed before", footage->facts.path);
	if (!footage_push_down(footage, err)) {
		footage->sync_failed = true;
		footage->on_failure(footage->user, err);
		return false;
	}
	if (footage->on_synced)
		footage->on_synced(footage->user);
	return true;
}

static void leave_syncer(struct footage *footage)
{
	if (footage->synced)
		syncer_remove(footage->syncer, footage);
	footage->synced = false;
}

bool footage_finish(struct footage *footage, int64_t next_ns, const char *encoder, struct error *err)
{
	struct durable_point point = { 0 };
	bool good;

	leave_syncer(footage);
	if (footage->durable)
		point = durable_begin_sync(footage->durable);
	/* the table first: once the video is whole, nobody looks at its table again after a crash */
	good = !footage->framelog || framelog_sync(footage->framelog, err);
	footage->output->next_ns = next_ns;
	if (good)
		good = footage->impl->finish(footage->output, encoder, err);
	else if (err->code != ERR_IO)	/* of a table that lost something the next start makes a whole one, as long as the video is not finished */
		footage->impl->finish(footage->output, encoder, &(struct error){ 0 });
	footage->facts.bytes = footage->output->bytes;
	if (good && footage->durable)
		durable_end_sync(footage->durable, &point);
	return good;
}

bool footage_is_full(const struct footage *footage)
{
	return footage->facts.frames >= FOOTAGE_MAX_FRAMES || footage->output->bytes >= footage->max_bytes;
}

struct footage_mark footage_mark(const struct footage *footage)
{
	return (struct footage_mark){
		.video_bytes = footage->output->bytes, .table_bytes = footage->framelog ? framelog_bytes(footage->framelog) : 0,
		.frames = footage->facts.frames, .last_ns = footage->facts.last_ns, .last_wall_ns = footage->facts.last_wall_ns,
	};
}

void footage_abandon(struct footage *footage)
{
	leave_syncer(footage);
}

bool footage_cut_back(struct footage *footage, const struct footage_mark *mark, struct error *err)
{
	if (!footage->impl->cut(footage->output, mark->video_bytes, err))
		return false;
	footage->facts.frames = mark->frames;
	footage->facts.bytes = mark->video_bytes;
	footage->facts.last_ns = mark->last_ns;
	footage->facts.last_wall_ns = mark->last_wall_ns;
	return !footage->framelog || framelog_cut(footage->framelog, mark->table_bytes, err);
}

void footage_remove(struct footage *footage)
{
	leave_syncer(footage);
	unlink(footage->facts.path);
	if (footage->framelog)
		unlink(footage->facts.csv_path);
}

void footage_destroy(struct footage *footage)
{
	if (!footage)
		return;
	leave_syncer(footage);
	framelog_destroy(footage->framelog);
	if (footage->output)
		footage->impl->destroy(footage->output);
	syncer_let_go(footage->syncer, footage->facts.path);
	footage_facts_clear(&footage->facts);
	free(footage);
}

const struct footage_facts *footage_facts(const struct footage *footage)
{
	return &footage->facts;
}

void footage_facts_copy(struct footage_facts *copy, const struct footage_facts *facts)
{
	*copy = *facts;
	copy->path = xstrdup(facts->path);
	copy->csv_path = xstrdup(facts->csv_path);
}

void footage_facts_clear(struct footage_facts *facts)
{
	free(facts->path);
	free(facts->csv_path);
	*facts = (struct footage_facts){ 0 };
}

#include "camd/output/output.h"

#include "camd/appender.h"
#include "camd/h264.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* A raw H.264 stream: the packets as they come. It has no times; the timing table beside it does. */
struct annexb {
	struct output output;
	struct appender file;
	int64_t last_ns;
};

static void annexb_destroy(struct output *output)
{
	struct annexb *annexb = (struct annexb *)output;

	if (!annexb)
		return;
	appender_close(&annexb->file);
	free(annexb);
}

static struct output *annexb_create(const struct output_request *request, const struct packet *first, struct error *err)
{
	struct annexb *annexb;
	struct nal sps, pps;

	if (!h264_has_idr(first->data, first->bytes) || !h264_find_parameter_sets(first->data, first->bytes, &sps, &pps)) {
		error_set(err, ERR_ENCODER_FAILED, "%s: the first packet is not a key frame with SPS and PPS", request->path);
		return NULL;
	}
	annexb = xcalloc(1, sizeof(*annexb));
	annexb->output.impl = &output_annexb;
	annexb->last_ns = INT64_MIN;
	if (appender_create(&annexb->file, request->path, err))
		return &annexb->output;
	annexb_destroy(&annexb->output);
	return NULL;
}

static bool annexb_write(struct output *output, const struct packet *packet, struct error *err)
{
	struct annexb *annexb = (struct annexb *)output;

	if (packet->sensor_ns <= annexb->last_ns)
		return error_set(err, ERR_INTERNAL, "%s: frame %" PRIu64 " is not later than the one before it; it is left out",
				 annexb->file.path, packet->number);
	if (!appender_write(&annexb->file, packet->data, packet->bytes, err))
		return false;
	if (!output->bytes && !appender_sync_first(&annexb->file, 0, err))
		return false;
	annexb->last_ns = packet->sensor_ns;
	output->bytes = annexb->file.bytes;
	return true;
}

static bool annexb_cut(struct output *output, uint64_t bytes, struct error *err)
{
	struct annexb *annexb = (struct annexb *)output;

	annexb->last_ns = INT64_MAX;
	if (!appender_cut(&annexb->file, bytes, err))
		return false;
	output->bytes = bytes;
	return true;
}

static void annexb_push(struct output *output)
{
	appender_push(&((struct annexb *)output)->file);
}

static bool annexb_sync(struct output *output, struct error *err)
{
	return appender_sync(&((struct annexb *)output)->file, err);
}

/* The raw stream has no place for what encoded it. */
static bool annexb_finish(struct output *output, const char *encoder, struct error *err)
{
	(void)encoder;
	return annexb_sync(output, err);
}

const struct output_impl output_annexb = {
	.name = "h264",
	.suffix = ".h264",
	.create = annexb_create,
	.write = annexb_write,
	.cut = annexb_cut,
	.push = annexb_push,
	.sync = annexb_sync,
	.finish = annexb_finish,
	.destroy = annexb_destroy,
};

#include "tests/kernel/m2m_rig.h"

#include "camd/h264.h"
#include "common/util.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PERIOD_NS (40 * NS_PER_MS)

uint8_t rig_sample(int plane, int x, int y, uint64_t n)
{
	/* chroma repeats every other row, so that 4:2:2 has the same as 4:2:0 */
	return (uint8_t)(plane ? 40 * plane + 3 * x + 11 * y + 5 * (int)n : x + 7 * y + (x * y >> 5) + 3 * (int)n);
}

static void lay_out(struct rig *rig, int stride)
{
	struct frame_layout *layout = &rig->layout;

	layout->n_buffers = RIG_BUFFERS;
	for (int i = 0; i < frame_n_planes(rig->format.pixels); i++) {
		int least = frame_plane_row_bytes(&rig->format, i);

		layout->strides[i] = MAX(i && rig->format.pixels == PIXEL_I420 ? stride / 2 : stride, least);
		layout->offsets[i] = layout->buffer_bytes;
		layout->buffer_bytes += (size_t)layout->strides[i] * (size_t)frame_plane_rows(&rig->format, i);
	}
	layout->buffer_bytes = (layout->buffer_bytes + 4095) / 4096 * 4096;
}

static void release(struct frame *frame, void *owner)
{
	(void)owner;
	((struct rig_buffer *)frame)->held = false;
}

static void init_buffer(struct rig *rig, struct rig_buffer *buffer)
{
	buffer->frame = (struct frame){
		.format = rig->format, .n_planes = frame_n_planes(rig->format.pixels), .release = release,
	};
	for (int i = 0; i < buffer->frame.n_planes; i++)
		buffer->frame.planes[i] = (struct plane){
			.data = buffer->memory + rig->layout.offsets[i], .stride = rig->layout.strides[i],
			.bytes = (size_t)rig->layout.strides[i] * (size_t)frame_plane_rows(&rig->format, i),
			.dmabuf = buffer->dmabuf, .offset = rig->layout.offsets[i],
		};
	buffer->frame.needs_sync = buffer->dmabuf >= 0;
	buffer->bytes = rig->layout.buffer_bytes;
}

void rig_init(struct rig *rig, enum pixel_format pixels, int width, int height, int stride)
{
	*rig = (struct rig){
		.format = { .pixels = pixels, .width = width, .height = height, .colour = { 1, 1, 1, false } },
		.request = { .fps = 25, .bitrate_bps = 4000000, .intra = 250 },
	};
	lay_out(rig, stride);
	for (int i = 0; i < RIG_BUFFERS; i++) {
		rig->buffers[i].memory = xcalloc(1, rig->layout.buffer_bytes);
		rig->buffers[i].dmabuf = -1;
		init_buffer(rig, &rig->buffers[i]);
	}
}

/* Takes over the fd. */
static void share_buffer(struct rig *rig, struct rig_buffer *buffer, int dmabuf)
{
	free(buffer->memory);
	buffer->dmabuf = dmabuf;
	buffer->memory = mmap(NULL, rig->layout.buffer_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->dmabuf, 0);
	assert_ptr_not_equal(buffer->memory, MAP_FAILED);
	init_buffer(rig, buffer);
}

void rig_share(struct rig *rig)
{
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	assert_true(heap >= 0);
	rig->layout.dmabuf = true;
	for (int i = 0; i < RIG_BUFFERS; i++) {
		struct dma_heap_allocation_data data = { .len = rig->layout.buffer_bytes, .fd_flags = O_RDWR | O_CLOEXEC };

		assert_int_equal(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data), 0);
		share_buffer(rig, &rig->buffers[i], (int)data.fd);
	}
	close(heap);
}

void rig_share_unmappable(struct rig *rig)
{
	int maker = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

	assert_true(maker >= 0);
	rig->layout.dmabuf = true;
	for (int i = 0; i < RIG_BUFFERS; i++) {
		struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = rig->layout.buffer_bytes };
		int file = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING), dmabuf;

		assert_true(file >= 0);
		assert_int_equal(ftruncate(file, (off_t)create.size), 0);
		assert_int_equal(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK), 0);
		create.memfd = (unsigned)file;
		dmabuf = ioctl(maker, UDMABUF_CREATE, &create);
		assert_true(dmabuf >= 0);
		close(file);
		share_buffer(rig, &rig->buffers[i], dmabuf);
	}
	close(maker);
}

static void on_packet(void *user, struct packet *packet)
{
	struct rig *rig = user;

	assert_true(rig->n_packets < RIG_PACKETS);
	rig->packets[rig->n_packets++] = packet;
}

void rig_open(struct rig *rig, unsigned fourcc)
{
	struct error err = { 0 };

	rig->request.format = rig->format;
	rig->request.layout = rig->layout;
	rig->encoder = fourcc ? m2m_create_coded(&rig->request, fourcc, on_packet, rig, &err)
			      : encoder_m2m.create(&rig->request, on_packet, rig, &err);
	if (!rig->encoder)
		fail_msg("%s", err.text);
	assert_true(rig->encoder->hardware);
	assert_ptr_equal(rig->encoder->impl, &encoder_m2m);
}

static uint8_t packed_sample(int x, int y, uint64_t n)
{
	if (x % 2 == 0)
		return rig_sample(0, x / 2, y, n);
	return rig_sample(x % 4 == 1 ? 1 : 2, x / 4, y / 2, n);
}

static uint8_t sample_in(const struct rig *rig, int plane, int x, int y, uint64_t n)
{
	switch (rig->format.pixels) {
	case PIXEL_YUYV:
		return packed_sample(x, y, n);
	case PIXEL_UYVY:
		return packed_sample(x ^ 1, y, n);
	case PIXEL_NV12:
		return plane ? rig_sample(1 + x % 2, x / 2, y, n) : rig_sample(0, x, y, n);
	case PIXEL_NV21:
		return plane ? rig_sample(2 - x % 2, x / 2, y, n) : rig_sample(0, x, y, n);
	default:
		return rig_sample(plane, x, y, n);
	}
}

static void paint(const struct rig *rig, struct rig_buffer *buffer, uint64_t n)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };

	if (buffer->dmabuf >= 0)
		assert_int_equal(ioctl(buffer->dmabuf, DMA_BUF_IOCTL_SYNC, &sync), 0);
	for (int i = 0; i < buffer->frame.n_planes; i++)
		for (int y = 0; y < frame_plane_rows(&rig->format, i); y++)
			for (int x = 0; x < frame_plane_row_bytes(&rig->format, i); x++)
				buffer->frame.planes[i].data[y * rig->layout.strides[i] + x] = sample_in(rig, i, x, y, n);
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	if (buffer->dmabuf >= 0)
		assert_int_equal(ioctl(buffer->dmabuf, DMA_BUF_IOCTL_SYNC, &sync), 0);
}

static struct rig_buffer *free_buffer(struct rig *rig)
{
	for (int i = 0; i < RIG_BUFFERS; i++)
		if (!rig->buffers[i].held)
			return &rig->buffers[i];
	fail_msg("all of the camera's buffers are held");
	return NULL;
}

bool rig_push(struct rig *rig, bool key, struct error *err)
{
	const struct encoder_impl *impl = rig->encoder->impl;
	struct rig_buffer *buffer;
	bool ok;

	for (int waits = 0; !impl->has_room(rig->encoder); waits++) {
		if (waits == 100)
			fail_msg("no room for frame %d", (int)rig->n_frames + 1);
		if (!rig_step(rig, 10, err))
			return false;
	}
	buffer = free_buffer(rig);
	buffer->held = true;
	paint(rig, buffer, ++rig->n_frames);
	atomic_store(&buffer->frame.references, 1);
	buffer->frame.camera_frame = buffer->frame.number = rig->n_frames;
	buffer->frame.sensor_ns = (int64_t)rig->n_frames * PERIOD_NS + 123;
	buffer->frame.wall_ns = buffer->frame.sensor_ns + NS_PER_S;
	buffer->frame.exposure = (struct exposure){ .known = EXPOSURE_TIME, .time_us = (int32_t)rig->n_frames };
	ok = impl->push(rig->encoder, &buffer->frame, key, err);
	frame_unref(&buffer->frame);
	return ok;
}

bool rig_step(struct rig *rig, int timeout_ms, struct error *err)
{
	struct pollfd poll_fd = { 0 };

	poll_fd.fd = rig->encoder->impl->poll_fd(rig->encoder, &poll_fd.events);
	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		return true;
	rig->n_calls++;
	return rig->encoder->impl->service(rig->encoder, poll_fd.revents, err);
}

static bool has_come(const struct rig *rig, uint64_t n)
{
	return rig->n_packets && rig->packets[rig->n_packets - 1]->camera_frame >= n;
}

void rig_run(struct rig *rig, int n)
{
	struct error err = { 0 };

	for (int i = 0; i < n; i++) {
		if (!rig_push(rig, false, &err))
			fail_msg("frame %d: %s", (int)rig->n_frames, err.text);
		for (int waits = 0; waits < 10 && !has_come(rig, rig->n_frames); waits++)
			if (!rig_step(rig, 10, &err))
				fail_msg("after frame %d: %s", (int)rig->n_frames, err.text);
	}
}

void rig_drain(struct rig *rig)
{
	struct error err = { 0 };

	if (!rig->encoder->impl->drain(rig->encoder, &err))
		fail_msg("%s", err.text);
}

int rig_held(const struct rig *rig)
{
	int n = 0;

	for (int i = 0; i < RIG_BUFFERS; i++)
		n += rig->buffers[i].held;
	return n;
}

bool rig_has_sets(const struct packet *packet)
{
	struct nal sps, pps;

	return h264_find_parameter_sets(packet->data, packet->bytes, &sps, &pps);
}

static void compare(const struct rig *rig, const AVFrame *picture)
{
	uint64_t n = (uint64_t)picture->pts;

	assert_int_equal(picture->width, rig->format.width);
	assert_int_equal(picture->height, rig->format.height);
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < (i ? picture->height / 2 : picture->height); y++)
			for (int x = 0; x < (i ? picture->width / 2 : picture->width); x++)
				if (picture->data[i][y * picture->linesize[i] + x] != rig_sample(i, x, y, n))
					fail_msg("frame %d: plane %d at %d,%d has %d, not %d", (int)n, i, x, y,
						 picture->data[i][y * picture->linesize[i] + x], rig_sample(i, x, y, n));
}

static int receive(const struct rig *rig, AVCodecContext *decoder, AVFrame *picture)
{
	int n = 0;

	while (avcodec_receive_frame(decoder, picture) >= 0) {
		compare(rig, picture);
		n++;
	}
	return n;
}

void rig_check_pictures(const struct rig *rig)
{
	AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	AVFrame *picture = av_frame_alloc();
	AVPacket *packet = av_packet_alloc();
	int n = 0;

	decoder->thread_count = 1;
	decoder->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM;
	assert_true(avcodec_open2(decoder, NULL, NULL) >= 0);
	for (int i = 0; i < rig->n_packets; i++) {
		assert_true(av_new_packet(packet, (int)rig->packets[i]->bytes) >= 0);
		memcpy(packet->data, rig->packets[i]->data, rig->packets[i]->bytes);
		packet->pts = packet->dts = (int64_t)rig->packets[i]->camera_frame;
		if (avcodec_send_packet(decoder, packet) < 0)
			fail_msg("packet %d, of frame %d, does not decode", i, (int)rig->packets[i]->camera_frame);
		av_packet_unref(packet);
		n += receive(rig, decoder, picture);
	}
	avcodec_send_packet(decoder, NULL);
	n += receive(rig, decoder, picture);
	assert_int_equal(n, rig->n_packets);
	av_packet_free(&packet);
	av_frame_free(&picture);
	avcodec_free_context(&decoder);
}

void rig_finish(struct rig *rig)
{
	if (rig->encoder)
		rig->encoder->impl->destroy(rig->encoder);
	assert_int_equal(rig_held(rig), 0);
	for (int i = 0; i < rig->n_packets; i++)
		packet_unref(rig->packets[i]);
	for (int i = 0; i < RIG_BUFFERS; i++) {
		struct rig_buffer *buffer = &rig->buffers[i];

		if (buffer->dmabuf >= 0) {
			munmap(buffer->memory, buffer->bytes);
			close(buffer->dmabuf);
		} else {
			free(buffer->memory);
		}
	}
	*rig = (struct rig){ 0 };
}

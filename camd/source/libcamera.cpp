/*
 * The module: libcamera behind the table in libcamera.h. The only C++ of camd, and the only file that knows libcamera.
 *
 * One source for libcamera 0.0.3 to 0.7. What differs between them is asked for by name (controls, properties: their numbers
 * change, and some don't exist everywhere) or by whether an expression compiles, so that there is no list of versions here.
 */
#include "camd/source/libcamera.h"

#include <libcamera/camera.h>
#include <libcamera/camera_manager.h>
#include <libcamera/control_ids.h>
#include <libcamera/controls.h>
#include <libcamera/framebuffer.h>
#include <libcamera/framebuffer_allocator.h>
#include <libcamera/pixel_format.h>
#include <libcamera/property_ids.h>
#include <libcamera/request.h>
#include <libcamera/stream.h>
#include <libcamera/transform.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

using namespace libcamera;

#define V4L2_MAJOR 81

namespace {

/* What a request's metadata may tell, found once by name; NULL where this libcamera doesn't know it. */
struct facts {
	const ControlId *sensor_time, *frame_duration, *exposure_time, *analogue_gain, *digital_gain, *lux, *temperature;
};

}

struct libcamera_manager {
	CameraManager manager;
	facts ids;
	const ControlId *devices;
	std::mutex lock;			/* for open */
	std::set<libcamera_camera *> open;

	void on_removed(std::shared_ptr<Camera> camera);
};

struct libcamera_camera {
	libcamera_manager &manager;
	std::shared_ptr<Camera> camera;
	libcamera_watcher watcher;
	std::map<dev_t, ino_t> devices;
	std::unique_ptr<CameraConfiguration> config;
	std::unique_ptr<FrameBufferAllocator> allocator;
	std::vector<std::unique_ptr<Request>> requests;

	void on_completed(Request *request);
};

namespace {

template<size_t bytes> void copy_text(char (&to)[bytes], const std::string &from)
{
	std::snprintf(to, bytes, "%s", from.c_str());
}

/* No exception leaves this file. */
template<typename Body> int guarded(Body body) noexcept
{
	try {
		return body();
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	} catch (...) {
		return -EIO;
	}
}

const ControlId *find_id(const ControlIdMap &ids, const char *name)
{
	for (const auto &entry : ids)
		if (entry.second->name() == name)
			return entry.second;
	return nullptr;
}

/* ---- values ---- */

template<typename T> void take_numbers(const ControlValue &value, std::vector<double> &numbers)
{
	const T *data = reinterpret_cast<const T *>(value.data().data());

	for (size_t i = 0; i < value.numElements(); i++)
		numbers.push_back(double(data[i]));
}

/* The numbers that a value consists of; none if it has no value or consists of something else. */
std::vector<double> to_numbers(const ControlValue &value)
{
	std::vector<double> numbers;

	switch (value.type()) {
	case ControlTypeBool: take_numbers<bool>(value, numbers); break;
	case ControlTypeByte: take_numbers<uint8_t>(value, numbers); break;
	case ControlTypeInteger32: take_numbers<int32_t>(value, numbers); break;
	case ControlTypeInteger64: take_numbers<int64_t>(value, numbers); break;
	case ControlTypeFloat: take_numbers<float>(value, numbers); break;
	default: break;
	}
	return numbers;
}

template<typename T> T to_type(double number)
{
	/* as numbers of type T, the limits of a 64-bit integer are beyond what a double can be converted from */
	if (!(number > double(std::numeric_limits<T>::lowest())))
		return std::numeric_limits<T>::lowest();
	if (number >= double(std::numeric_limits<T>::max()))
		return std::numeric_limits<T>::max();
	return T(std::numeric_limits<T>::is_integer ? std::nearbyint(number) : number);
}

template<typename T> ControlValue from_numbers(const libcamera_setting &setting, bool array)
{
	T numbers[LIBCAMERA_MAX_NUMBERS];
	size_t n = std::min<size_t>(setting.n_numbers, LIBCAMERA_MAX_NUMBERS);
	ControlValue value;

	for (size_t i = 0; i < n; i++)
		numbers[i] = to_type<T>(setting.numbers[i]);
	if (array)
		value.set(Span<const T>(numbers, n));
	else
		value.set(numbers[0]);
	return value;
}

ControlValue rectangle_from(const libcamera_setting &setting, bool array)
{
	const double *numbers = setting.numbers;
	Rectangle rectangle(to_type<int>(numbers[0]), to_type<int>(numbers[1]), to_type<unsigned>(numbers[2]),
			    to_type<unsigned>(numbers[3]));
	ControlValue value;

	if (array)
		value.set(Span<const Rectangle>(&rectangle, 1));
	else
		value.set(rectangle);
	return value;
}

ControlValue make_value(ControlType type, const libcamera_setting &setting, bool array)
{
	switch (type) {
	case ControlTypeBool: return ControlValue(setting.numbers[0] != 0);
	case ControlTypeByte: return from_numbers<uint8_t>(setting, array);
	case ControlTypeInteger32: return from_numbers<int32_t>(setting, array);
	case ControlTypeInteger64: return from_numbers<int64_t>(setting, array);
	case ControlTypeFloat: return from_numbers<float>(setting, array);
	case ControlTypeRectangle: return rectangle_from(setting, array);
	default: return ControlValue();
	}
}

/* ---- controls ---- */

/* How many elements a control has: newer libcameras tell, 0 for one that is no array; SIZE_MAX: as many as one likes. */
template<typename Id> auto told_elements(const Id &id, int) -> decltype(id.isArray(), id.size())
{
	return id.isArray() ? id.size() : 0;
}

/* Older ones don't: these are the arrays that there were. */
template<typename Id> size_t told_elements(const Id &id, long)
{
	static const std::map<std::string, size_t> arrays = {
		{ "AfWindows", SIZE_MAX }, { "ColourCorrectionMatrix", 9 }, { "ColourGains", 2 },
		{ "FrameDurationLimits", 2 },
	};
	auto found = arrays.find(id.name());

	return found == arrays.end() ? 0 : found->second;
}

bool is_array(const ControlId &id)
{
	return told_elements(id, 0) > 0;
}

template<typename Id> auto told_names(const Id &id, int) -> decltype(std::map<int32_t, std::string>(id.enumerators()))
{
	return id.enumerators();
}

template<typename Id> std::map<int32_t, std::string> told_names(const Id &, long)
{
	return {};
}

/* -1: values of that type are nothing for numbers. */
int type_of(const ControlId &id)
{
	switch (id.type()) {
	case ControlTypeBool: return LIBCAMERA_BOOL;
	case ControlTypeByte: case ControlTypeInteger32: case ControlTypeInteger64: return LIBCAMERA_INT;
	case ControlTypeFloat: return LIBCAMERA_REAL;
	case ControlTypeRectangle: return LIBCAMERA_RECTANGLE;
	default: return -1;
	}
}

double number_of(const ControlValue &value, double otherwise)
{
	std::vector<double> numbers = to_numbers(value);

	return numbers.empty() ? otherwise : numbers[0];
}

/* How far a rectangle's numbers can go: to the far corner of the largest one, which is told. */
double rectangle_limit(const ControlValue &value, double whole[4])
{
	if (value.type() != ControlTypeRectangle || !value.numElements())
		return UINT16_MAX;
	const Rectangle *rectangle = reinterpret_cast<const Rectangle *>(value.data().data());
	whole[0] = rectangle->x;
	whole[1] = rectangle->y;
	whole[2] = rectangle->width;
	whole[3] = rectangle->height;
	return std::max(whole[0] + whole[2], whole[1] + whole[3]);
}

void tell_range(const ControlInfo &info, libcamera_control &control)
{
	double least = control.type == LIBCAMERA_BOOL || control.type == LIBCAMERA_RECTANGLE ? 0 : INT32_MIN;
	double most = control.type == LIBCAMERA_BOOL ? 1 :
		      control.type == LIBCAMERA_RECTANGLE ? rectangle_limit(info.max(), control.whole) : INT32_MAX;

	control.min = number_of(info.min(), least);
	control.max = number_of(info.max(), most);
	control.fallback = number_of(info.def(), NAN);
}

/* The named ones of the values that this camera takes: those that it lists, or all within its range. */
void tell_choices(const ControlId &id, const ControlInfo &info, libcamera_control &control)
{
	for (const auto &name : told_names(id, 0)) {
		bool listed = info.values().empty() && name.first >= control.min && name.first <= control.max;

		for (const ControlValue &value : info.values())
			listed = listed || number_of(value, NAN) == name.first;
		if (!listed || control.n_choices == LIBCAMERA_MAX_CHOICES)
			continue;
		libcamera_choice &choice = control.choices[control.n_choices++];
		choice.number = name.first;
		copy_text(choice.name, name.second);
	}
}

bool tell_control(const ControlId &id, const ControlInfo &info, libcamera_control &control)
{
	size_t elements = told_elements(id, 0);
	size_t each = id.type() == ControlTypeRectangle ? 4 : 1;

	control = {};
	if (type_of(id) < 0)
		return false;
	control.type = libcamera_type(type_of(id));
	copy_text(control.name, id.name());
	/* of an array of any length, one element is as good as several */
	control.n_numbers = uint32_t(each * (elements == 0 || elements == SIZE_MAX ? 1 : elements));
	tell_range(info, control);
	tell_choices(id, info, control);
	return control.n_numbers <= LIBCAMERA_MAX_NUMBERS;
}

void apply(const Camera &camera, ControlList &list, const libcamera_setting *settings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (const auto &entry : camera.controls())
			if (entry.first->name() == settings[i].name)
				list.set(entry.first->id(), make_value(entry.first->type(), settings[i],
								       is_array(*entry.first)));
}

int list_controls(libcamera_camera *camera, libcamera_control *told, int max)
{
	return guarded([&] {
		int n = 0;
		libcamera_control control;

		for (const auto &entry : camera->camera->controls()) {
			if (!tell_control(*entry.first, entry.second, control))
				continue;
			if (n < max)
				told[n] = control;
			n++;
		}
		std::sort(told, told + std::min(n, max), [](const libcamera_control &a, const libcamera_control &b) {
			return std::strcmp(a.name, b.name) < 0;
		});
		return n;
	});
}

/* ---- the manager ---- */

int start_manager(libcamera_manager **manager)
{
	return guarded([&] {
		const ControlIdMap &ids = controls::controls;
		auto made = std::make_unique<libcamera_manager>();

		made->ids = {
			find_id(ids, "SensorTimestamp"), find_id(ids, "FrameDuration"), find_id(ids, "ExposureTime"),
			find_id(ids, "AnalogueGain"), find_id(ids, "DigitalGain"), find_id(ids, "Lux"),
			find_id(ids, "SensorTemperature"),
		};
		made->devices = find_id(properties::properties, "SystemDevices");
		made->manager.cameraRemoved.connect(made.get(), &libcamera_manager::on_removed);
		int rc = made->manager.start();
		if (rc < 0)
			return rc;
		*manager = made.release();
		return 0;
	});
}

/* The camera that a device belongs to, where libcamera could be asked (until 0.0.5). */
template<typename Manager> auto camera_of(Manager &manager, dev_t device, int) -> decltype(manager.get(device))
{
	return manager.get(device);
}

template<typename Manager> std::shared_ptr<Camera> camera_of(Manager &, dev_t, long)
{
	return nullptr;
}

/* The V4L2 devices behind a camera: newer libcameras tell, older ones must be asked about each. */
std::vector<dev_t> devices_of(libcamera_manager &manager, const std::shared_ptr<Camera> &camera)
{
	const ControlList &properties = camera->properties();
	std::vector<dev_t> devices;

	if (manager.devices && properties.contains(manager.devices->id())) {
		for (double number : to_numbers(properties.get(manager.devices->id())))
			devices.push_back(dev_t(number));
		return devices;
	}
	for (unsigned minor = 0; minor < 256; minor++)
		if (camera_of(manager.manager, makedev(V4L2_MAJOR, minor), 0) == camera)
			devices.push_back(makedev(V4L2_MAJOR, minor));
	return devices;
}

std::string directory_of(dev_t device)
{
	return "/sys/dev/char/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

bool is_driven_by_uvc(dev_t device)
{
	char target[256] = "";
	ssize_t length = readlink((directory_of(device) + "/device/driver").c_str(), target, sizeof(target) - 1);
	const char *name = std::strrchr(target, '/');

	return length > 0 && name && !std::strcmp(name + 1, "uvcvideo");
}

/* Names a device until it is unplugged: one that comes after it under the same number has another. 0: it isn't there. */
ino_t identity_of(dev_t device)
{
	struct stat status;

	return stat(directory_of(device).c_str(), &status) ? 0 : status.st_ino;
}

/* libcamera itself notices that USB cameras are unplugged, and goes on listing others. */
bool is_plugged_in(const std::vector<dev_t> &devices)
{
	return std::all_of(devices.begin(), devices.end(), [](dev_t device) { return identity_of(device) != 0; });
}

libcamera_info describe(const Camera &camera, const std::vector<dev_t> &devices)
{
	libcamera_info info = {};

	copy_text(info.id, camera.id());
	if (auto model = camera.properties().get(properties::Model))
		copy_text(info.model, std::string(model->data(), model->size()));
	info.uvc = std::any_of(devices.begin(), devices.end(), is_driven_by_uvc);
	return info;
}

int list_cameras(libcamera_manager *manager, libcamera_info *infos, int max)
{
	return guarded([&] {
		std::vector<std::shared_ptr<Camera>> cameras = manager->manager.cameras();
		int n = 0;

		std::sort(cameras.begin(), cameras.end(), [](const auto &a, const auto &b) { return a->id() < b->id(); });
		for (const auto &camera : cameras) {
			std::vector<dev_t> devices = devices_of(*manager, camera);

			if (!is_plugged_in(devices))
				continue;
			if (n < max)
				infos[n] = describe(*camera, devices);
			n++;
		}
		return n;
	});
}

int open_camera(libcamera_manager *manager, const char *id, const libcamera_watcher *watcher, libcamera_camera **camera)
{
	return guarded([&] {
		std::shared_ptr<Camera> found = manager->manager.get(std::string(id));

		if (!found)
			return -ENODEV;
		int rc = found->acquire();
		if (rc < 0)
			return rc;
		auto made = new libcamera_camera{ *manager, found, *watcher, {}, nullptr, nullptr, {} };
		for (dev_t device : devices_of(*manager, found))
			made->devices[device] = identity_of(device);
		found->requestCompleted.connect(made, &libcamera_camera::on_completed);
		std::lock_guard<std::mutex> guard(manager->lock);
		manager->open.insert(made);
		*camera = made;
		return 0;
	});
}

void close_camera(libcamera_camera *camera)
{
	guarded([&] {
		{
			std::lock_guard<std::mutex> guard(camera->manager.lock);
			camera->manager.open.erase(camera);
		}
		camera->camera->stop();
		camera->camera->requestCompleted.disconnect(camera);
		camera->requests.clear();
		camera->allocator.reset();
		camera->camera->release();
		delete camera;
		return 0;
	});
}

/* ---- configuring ---- */

/* The best of the wanted formats that the stream has; its own choice if it has none of them, or doesn't say. */
PixelFormat choose_format(const StreamConfiguration &stream, const uint32_t *fourccs)
{
	const std::vector<PixelFormat> offered = stream.formats().pixelformats();

	for (; *fourccs; fourccs++)
		if (std::find(offered.begin(), offered.end(), PixelFormat(*fourccs)) != offered.end())
			return PixelFormat(*fourccs);
	return stream.pixelFormat;
}

void ask(StreamConfiguration &stream, const libcamera_stream &wanted, const libcamera_config &config)
{
	stream.pixelFormat = choose_format(stream, config.fourccs);
	if (wanted.width && wanted.height)
		stream.size = Size(wanted.width, wanted.height);
	stream.bufferCount = std::max(stream.bufferCount, config.n_buffers);
	stream.stride = 0;	/* the camera's own, told by validate() */
}

/* libcamera's name for it changed with 0.2, and the type; `made` is one of both. What became of it is told the same way. */
template<typename Made> auto flip(Made &made, bool hflip, bool vflip, int) -> decltype(void(made.orientation))
{
	using Turned = decltype(made.orientation);

	made.orientation = vflip ? hflip ? Turned::Rotate180 : Turned::Rotate180Mirror : hflip ? Turned::Rotate0Mirror : Turned::Rotate0;
}

template<typename Made> auto flip(Made &made, bool hflip, bool vflip, long) -> decltype(void(made.transform))
{
	made.transform = (hflip ? Transform::HFlip : Transform::Identity) | (vflip ? Transform::VFlip : Transform::Identity);
}

template<typename Made> auto tell_flips(const Made &made, libcamera_config &config, int) -> decltype(void(made.orientation))
{
	using Turned = decltype(made.orientation);

	config.hflip = made.orientation == Turned::Rotate0Mirror || made.orientation == Turned::Rotate180;
	config.vflip = made.orientation == Turned::Rotate180Mirror || made.orientation == Turned::Rotate180;
}

template<typename Made> auto tell_flips(const Made &made, libcamera_config &config, long) -> decltype(void(made.transform))
{
	config.hflip = bool(made.transform & Transform::HFlip);
	config.vflip = bool(made.transform & Transform::VFlip);
}

/* NULL: it can't be done with so many streams. */
std::unique_ptr<CameraConfiguration> negotiate(Camera &camera, const libcamera_config &config, size_t n_streams)
{
	std::vector<StreamRole> roles = { StreamRole::VideoRecording, StreamRole::Viewfinder };

	roles.resize(n_streams);
	auto made = camera.generateConfiguration(roles);
	if (!made || made->size() != n_streams)
		return nullptr;
	for (unsigned i = 0; i < n_streams; i++) {
		ask(made->at(i), config.streams[i], config);
		/* what goes through one image processor has one colour space */
		made->at(i).colorSpace = made->at(0).colorSpace;
	}
	if (config.hflip || config.vflip)
		flip(*made, config.hflip, config.vflip, 0);
	if (made->validate() == CameraConfiguration::Invalid || made->size() != n_streams)
		return nullptr;
	return made;
}

uint8_t primaries_of(const ColorSpace &space)
{
	switch (space.primaries) {
	case ColorSpace::Primaries::Smpte170m: return 6;
	case ColorSpace::Primaries::Rec709: return 1;
	case ColorSpace::Primaries::Rec2020: return 9;
	default: return 2;
	}
}

uint8_t transfer_of(const ColorSpace &space)
{
	switch (space.transferFunction) {
	case ColorSpace::TransferFunction::Linear: return 8;
	case ColorSpace::TransferFunction::Srgb: return 13;
	/* one curve, two names */
	case ColorSpace::TransferFunction::Rec709: return space.primaries == ColorSpace::Primaries::Smpte170m ? 6 : 1;
	default: return 2;
	}
}

uint8_t matrix_of(const ColorSpace &space)
{
	switch (space.ycbcrEncoding) {
	case ColorSpace::YcbcrEncoding::Rec601: return 6;
	case ColorSpace::YcbcrEncoding::Rec709: return 1;
	case ColorSpace::YcbcrEncoding::Rec2020: return 9;
	default: return 2;
	}
}

libcamera_stream tell_stream(const StreamConfiguration &stream)
{
	libcamera_stream told = {};

	told.width = stream.size.width;
	told.height = stream.size.height;
	told.fourcc = stream.pixelFormat.modifier() ? 0 : stream.pixelFormat.fourcc();	/* tiled memory is nothing for us */
	told.stride = stream.stride;
	told.primaries = told.transfer = told.matrix = 2;
	if (stream.colorSpace) {
		told.primaries = primaries_of(*stream.colorSpace);
		told.transfer = transfer_of(*stream.colorSpace);
		told.matrix = matrix_of(*stream.colorSpace);
		told.full_range = stream.colorSpace->range == ColorSpace::Range::Full;
	}
	return told;
}

void tell_config(const CameraConfiguration &made, libcamera_config &config)
{
	const StreamConfiguration &main = made.at(0);

	config.n_streams = uint32_t(made.size());
	tell_flips(made, config, 0);
	for (unsigned i = 0; i < made.size(); i++)
		config.streams[i] = tell_stream(made.at(i));
	config.n_sizes = 0;
	for (const Size &size : main.formats().sizes(main.pixelFormat)) {
		if (config.n_sizes == LIBCAMERA_MAX_SIZES)
			break;
		config.sizes[config.n_sizes++] = { size.width, size.height };
	}
}

/* Buffers of all streams, and a request for each set of them. */
int allocate(libcamera_camera &camera)
{
	size_t n = SIZE_MAX;

	camera.allocator = std::make_unique<FrameBufferAllocator>(camera.camera);
	for (const StreamConfiguration &stream : *camera.config) {
		int rc = camera.allocator->allocate(stream.stream());

		if (rc < 0)
			return rc;
		n = std::min(n, camera.allocator->buffers(stream.stream()).size());
	}
	for (size_t i = 0; i < n; i++) {
		auto request = camera.camera->createRequest(i);

		if (!request)
			return -ENOMEM;
		for (const StreamConfiguration &stream : *camera.config)
			if (request->addBuffer(stream.stream(), camera.allocator->buffers(stream.stream())[i].get()) < 0)
				return -EINVAL;
		camera.requests.push_back(std::move(request));
	}
	return int(n);
}

int configure(libcamera_camera *camera, libcamera_config *config)
{
	return guarded([&] {
		if (config->n_streams > 1)
			camera->config = negotiate(*camera->camera, *config, 2);
		if (!camera->config)
			camera->config = negotiate(*camera->camera, *config, 1);
		if (!camera->config)
			return -EINVAL;
		int rc = camera->camera->configure(camera->config.get());
		if (rc < 0)
			return rc;
		tell_config(*camera->config, *config);
		rc = allocate(*camera);
		if (rc < 0)
			return rc;
		config->n_requests = uint32_t(rc);
		return 0;
	});
}

int tell_buffer(libcamera_camera *camera, uint32_t request, uint32_t stream, libcamera_buffer *buffer)
{
	return guarded([&] {
		const FrameBuffer *from = camera->requests.at(request)->findBuffer(camera->config->at(stream).stream());

		if (!from)
			return -ENOENT;
		buffer->n_planes = 0;
		for (const auto &plane : from->planes()) {
			if (buffer->n_planes == LIBCAMERA_MAX_PLANES)
				return -E2BIG;
			/* no offset is one that isn't known; there is just the one plane then */
			uint32_t offset = plane.offset == UINT32_MAX ? 0 : plane.offset;
			buffer->planes[buffer->n_planes++] = { plane.fd.get(), offset, plane.length };
		}
		return 0;
	});
}

/* ---- streaming ---- */

int start(libcamera_camera *camera, const libcamera_setting *settings, size_t n)
{
	return guarded([&] {
		ControlList list(camera->camera->controls());

		apply(*camera->camera, list, settings, n);
		return camera->camera->start(&list);
	});
}

int queue(libcamera_camera *camera, uint32_t index, const libcamera_setting *settings, size_t n)
{
	return guarded([&] {
		Request *request = camera->requests.at(index).get();

		if (request->status() != Request::RequestPending)
			request->reuse(Request::ReuseBuffers);
		apply(*camera->camera, request->controls(), settings, n);
		return camera->camera->queueRequest(request);
	});
}

bool is_there(libcamera_camera *camera)
{
	for (const auto &device : camera->devices)
		if (identity_of(device.first) != device.second)
			return false;
	return true;
}

int stop(libcamera_camera *camera)
{
	return guarded([&] { return camera->camera->stop(); });
}

libcamera_status status_of(const FrameBuffer &buffer)
{
	switch (int(buffer.metadata().status)) {
	case FrameMetadata::FrameSuccess: return LIBCAMERA_GOOD;
	case FrameMetadata::FrameCancelled: return LIBCAMERA_CANCELLED;
	case 3: return LIBCAMERA_STARTUP;	/* FrameStartup, of which not all versions know */
	default: return LIBCAMERA_DAMAGED;
	}
}

bool read_integer(const ControlList &metadata, const ControlId *id, int64_t &to)
{
	if (!id || !metadata.contains(id->id()))
		return false;
	const ControlValue &value = metadata.get(id->id());
	/* not by way of to_numbers(): nanoseconds since the boot may be more than a double can hold */
	if (value.type() == ControlTypeInteger64 && !value.isArray())
		to = value.get<int64_t>();
	else if (value.type() == ControlTypeInteger32 && !value.isArray())
		to = value.get<int32_t>();
	else
		return false;
	return true;
}

bool read_real(const ControlList &metadata, const ControlId *id, double &to)
{
	if (!id || !metadata.contains(id->id()))
		return false;
	to = number_of(metadata.get(id->id()), NAN);
	return std::isfinite(to);
}

void read_facts(const ControlList &metadata, const facts &ids, libcamera_done &done)
{
	auto note = [&](bool known, libcamera_fact fact) { done.known |= known ? unsigned(fact) : 0; };

	note(read_integer(metadata, ids.sensor_time, done.sensor_ns), LIBCAMERA_SENSOR_TIME);
	note(read_integer(metadata, ids.frame_duration, done.frame_duration_us), LIBCAMERA_FRAME_DURATION);
	note(read_integer(metadata, ids.exposure_time, done.exposure_us), LIBCAMERA_EXPOSURE_TIME);
	note(read_real(metadata, ids.analogue_gain, done.analogue_gain), LIBCAMERA_ANALOGUE_GAIN);
	note(read_real(metadata, ids.digital_gain, done.digital_gain), LIBCAMERA_DIGITAL_GAIN);
	note(read_real(metadata, ids.lux, done.lux), LIBCAMERA_LUX);
	note(read_real(metadata, ids.temperature, done.temperature_c), LIBCAMERA_TEMPERATURE);
}

}

/* By libcamera's thread. The metadata of a request that was cancelled is that of its last use, and isn't looked at. */
void libcamera_camera::on_completed(Request *request)
{
	libcamera_done done = {};

	done.request = uint32_t(request->cookie());
	done.status = done.small_status = LIBCAMERA_CANCELLED;
	guarded([&] {
		if (request->status() == Request::RequestCancelled)
			return 0;
		const FrameBuffer *main = request->findBuffer(config->at(0).stream());
		if (config->size() > 1)
			done.small_status = status_of(*request->findBuffer(config->at(1).stream()));
		done.sequence = main->metadata().sequence;
		done.buffer_ns = int64_t(main->metadata().timestamp);
		read_facts(request->metadata(), manager.ids, done);
		done.status = status_of(*main);
		return 0;
	});
	watcher.on_done(watcher.user, &done);
}

/* By libcamera's thread. Not by the camera's own signal: to disconnect from that would race with its coming. */
void libcamera_manager::on_removed(std::shared_ptr<Camera> camera)
{
	std::lock_guard<std::mutex> guard(lock);

	for (libcamera_camera *candidate : open)
		if (candidate->camera == camera)
			candidate->watcher.on_gone(candidate->watcher.user);
}

extern "C" __attribute__((visibility("default"))) const libcamera_module *camd_libcamera(void);

const libcamera_module *camd_libcamera(void)
{
	static const libcamera_module module = {
		LIBCAMERA_ABI, CameraManager::version().c_str(), start_manager, list_cameras, open_camera, configure,
		tell_buffer, list_controls, start, queue, is_there, stop, close_camera,
	};

	return &module;
}

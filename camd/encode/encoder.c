#include "camd/encode/encoder.h"

#include "camd/m2m_device.h"
#include "common/util.h"

#include <linux/videodev2.h>
#include <stdlib.h>

static void add_hardware(struct list *names, const char *path)
{
	struct m2m_device device;
	char *name;

	if (!m2m_device_open(&device, path, V4L2_PIX_FMT_H264, NULL))
		return;
	name = xasprintf("%s %s (hardware)", device.name, device.path);
	m2m_device_close(&device);
	fields_add_text(names, name);
	free(name);
}

void encoder_list(struct list *names)
{
	char **paths;
	size_t n = m2m_device_find(V4L2_PIX_FMT_H264, &paths, NULL);

	for (size_t i = 0; i < n; i++) {
		add_hardware(names, paths[i]);
		free(paths[i]);
	}
	free(paths);
	fields_add_text(names, "software");
}

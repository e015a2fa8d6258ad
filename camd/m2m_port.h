/*
 * An encoder's device, open and running: agreed formats, controls, both queues. What goes in and what comes out is the
 * user's; this brings it up, makes it begin anew, and takes it down. One thread; each call may take seconds where a driver
 * holds a lock.
 */
#pragma once

#include "camd/m2m_controls.h"
#include "camd/m2m_input.h"

struct m2m_order {
	struct m2m_wish wish;
	struct m2m_rate_wish rate;
	int n_camera;			/* buffers that the camera has, 0: unknown */
	int max_held;			/* of them to keep at once; 0: any */
};

struct m2m_port {
	struct m2m_order order;
	struct m2m_device device;
	struct m2m_setup setup;
	struct m2m_controls controls;
	struct m2m_input input;
	struct m2m_queue capture;
};

/*
 * Opens, and has both queues running, with empty buffers for what comes out. An encoder to which the level is too low for the
 * stream gets one more try with a higher one. On failure there is nothing to close. Not to be moved in memory while open.
 */
bool m2m_port_open(struct m2m_port *port, const char *path, const struct m2m_order *order, struct error *err);
void m2m_port_close(struct m2m_port *port);	/* again: harmless */

/* Opens it anew with a higher level: for drivers that find out at the first picture. False: that was done already, or failed. */
bool m2m_port_raise_level(struct m2m_port *port, struct error *err);

/* Stops and starts both queues, which makes the next picture a key frame. All that is inside is lost. */
bool m2m_port_restart(struct m2m_port *port, struct error *err);

/* From now on pictures are copied. Only while none is inside. */
bool m2m_port_stop_importing(struct m2m_port *port, struct error *err);

/* Asks for all that is inside, up to a buffer that says it is the last. 0 or an errno: ENOTTY where there is no such command. */
int m2m_port_finish(struct m2m_port *port);

/* Sets encoder_failed, with what went wrong and with which device. Returns false. */
bool m2m_port_fail(const struct m2m_port *port, int number, const char *what, struct error *err);

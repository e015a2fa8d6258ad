#include "camd/overlays.h"

#include "camd/camera_config.h"
#include "camd/overlay.h"
#include "camd/tell.h"
#include "common/log.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAPITAL_OF_SCALE 22.0		/* pixels that OpenCV's Hershey Simplex has at font scale 1 */
#define MAX_CAPITAL 200

/* What set_overlay has changed; absent members as in the command. */
struct change {
	struct set_overlay_args args;	/* text belongs to it; the list of cameras is not used */
	bool any;
};

struct overlays {
	struct session *session;
	struct overlay *overlays[SESSION_MAX_CAMERAS];
	struct change changes[SESSION_MAX_CAMERAS];	/* also of cameras that are to come */
	const char *font;		/* that there is; NULL: none */
	char *font_wanted;		/* when that was found out */
	bool font_known;
	int64_t ids[SESSION_MAX_CAMERAS];	/* as the last reply has them */
};

/* ---- how it looks ---- */

/* Looks for a font when one is needed, and again when another is wanted. False: there is none; it is told once. */
static bool find_font(struct overlays *overlays, struct error *err)
{
	const char *wanted = session_config(overlays->session)->overlay_font;

	if (overlays->font_known && !strcmp(overlays->font_wanted, wanted ? wanted : ""))
		return overlays->font || error_set(err, ERR_NOT_FOUND, "there is no font to draw with: install fonts-dejavu-core, or name a "
						    "font's file by the setting overlay_font");
	free(overlays->font_wanted);
	overlays->font_wanted = xstrdup(wanted ? wanted : "");
	overlays->font_known = true;
	if (!overlay_font_choose(overlays->font_wanted[0] ? overlays->font_wanted : NULL, &overlays->font, err)) {
		log_warning("%s", err->text);
		tell_warning(session_control(overlays->session), err);
	}
	return overlays->font;
}

static int capital_of(const struct config *config)
{
	if (config->overlay_size || isnan(config->font_scale_base))
		return (int)config->overlay_size;
	return MAX(1, MIN((int)lround(config->font_scale_base * CAPITAL_OF_SCALE), MAX_CAPITAL));
}

static int optional_pixels(int64_t pixels)
{
	return pixels == FIELD_UNSET ? -1 : (int)pixels;
}

static struct overlay_look look_of(const struct config *config)
{
	struct overlay_look look = {
		.enabled = config->show_frame_number, .position = config->overlay_position, .capital = capital_of(config),
		.thickness = (int)config->thickness_base, .colour = config->overlay_color, .background = config->overlay_background,
		.margin = optional_pixels(config->margin_left), .line_y = optional_pixels(config->line_start_y),
	};

	if (!look.colour.given)
		look.colour = (struct rgba){ (uint8_t)config->text_color_r, (uint8_t)config->text_color_g, (uint8_t)config->text_color_b, 255, true };
	snprintf(look.text, sizeof(look.text), "%s", config->overlay_text);
	return look;
}

static void apply(const struct change *change, struct overlay_look *look)
{
	const struct set_overlay_args *args = &change->args;

	if (!change->any)
		return;
	look->enabled = args->enabled;
	if (args->text)
		snprintf(look->text, sizeof(look->text), "%s", args->text);
	if (args->size != FIELD_UNSET)
		look->capital = (int)args->size;
	if (args->position >= 0)
		look->position = args->position;
	if (args->color.given)
		look->colour = args->color;
	if (args->background.given)
		look->background = args->background;
}

static struct overlay_look look_for(struct overlays *overlays, int camera_id)
{
	struct overlay_look look = look_of(camera_config(session_options(overlays->session), camera_id));
	struct error err;

	apply(&overlays->changes[camera_id], &look);
	if (look.enabled && find_font(overlays, &err))
		snprintf(look.font, sizeof(look.font), "%s", overlays->font);
	return look;
}

/* ---- for the session ---- */

struct overlays *overlays_create(struct session *session)
{
	struct overlays *overlays = xcalloc(1, sizeof(*overlays));

	overlays->session = session;
	return overlays;
}

void overlays_destroy(struct overlays *overlays)
{
	for (int i = 0; overlays && i < SESSION_MAX_CAMERAS; i++) {
		overlay_destroy(overlays->overlays[i]);
		free(overlays->changes[i].args.text);
	}
	if (overlays)
		free(overlays->font_wanted);
	free(overlays);
}

struct overlay *overlays_add(struct overlays *overlays, int camera_id)
{
	struct overlay_look look;

	if (camera_id >= SESSION_MAX_CAMERAS)
		return NULL;
	look = look_for(overlays, camera_id);
	overlay_destroy(overlays->overlays[camera_id]);		/* of one that could not be made */
	overlays->overlays[camera_id] = overlay_create(camera_id, &look);
	return overlays->overlays[camera_id];
}

void overlays_config_changed(struct overlays *overlays)
{
	for (int i = 0; i < SESSION_MAX_CAMERAS; i++) {
		struct overlay_look look;

		if (!overlays->overlays[i])
			continue;
		look = look_for(overlays, i);
		overlay_set_look(overlays->overlays[i], &look);
	}
}

/* ---- set_overlay ---- */

static void merge(struct change *change, const struct set_overlay_args *args)
{
	struct set_overlay_args *all = &change->args;

	if (!change->any)
		*all = (struct set_overlay_args){ .size = FIELD_UNSET, .position = -1 };
	change->any = true;
	all->enabled = args->enabled;
	if (args->text) {
		free(all->text);
		all->text = xstrdup(args->text);
	}
	if (args->size != FIELD_UNSET)
		all->size = args->size;
	if (args->position >= 0)
		all->position = args->position;
	if (args->color.given)
		all->color = args->color;
	if (args->background.given)
		all->background = args->background;
}

static void set_one(struct overlays *overlays, int camera_id, const struct set_overlay_args *args)
{
	struct overlay_look look;

	merge(&overlays->changes[camera_id], args);
	if (!overlays->overlays[camera_id])
		return;
	look = look_for(overlays, camera_id);
	overlay_set_look(overlays->overlays[camera_id], &look);
}

static void fill_reply(const struct overlay_look *look, struct overlay_set *reply)
{
	reply->enabled = look->enabled;
	reply->text = (char *)look->text;
	reply->size = look->capital;
	reply->position = look->position;
	reply->color = look->colour;
	reply->background = look->background;
}

bool overlays_set(struct overlays *overlays, const struct set_overlay_args *args, struct overlay_set *reply, struct error *err)
{
	struct camera **cameras;
	size_t n;

	if (!session_select(overlays->session, &args->camera_id, &cameras, &n, err))
		return false;
	if (args->enabled && !find_font(overlays, err)) {
		free(cameras);
		return false;
	}
	/* if all are meant, also those that are found later */
	for (int i = 0; !args->camera_id.items && i < SESSION_MAX_CAMERAS; i++)
		set_one(overlays, i, args);
	for (size_t i = 0; args->camera_id.items && i < n; i++)
		set_one(overlays, camera_id(cameras[i]), args);
	for (size_t i = 0; i < n; i++)
		overlays->ids[i] = camera_id(cameras[i]);
	reply->camera_id = (struct list){ n, overlays->ids };
	fill_reply(overlay_look(overlays->overlays[overlays->ids[0]]), reply);
	free(cameras);
	return true;
}

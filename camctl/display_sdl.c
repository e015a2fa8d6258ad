/* The windows of camctl/display.h by SDL2. Pictures are small and drawn by the processor: no OpenGL is started for them where it can be helped. */
#include "camctl/display.h"

#include <SDL.h>
#include <string.h>

#define MIN_WINDOW_WIDTH 160
#define MIN_WINDOW_HEIGHT 120
#define OWN_DATA "display_window"

struct display_window {
	SDL_Window *window;
	SDL_Renderer *renderer;
	SDL_Texture *texture;
	int width, height;		/* of the texture */
};

static bool sdl_open(char *why, size_t bytes)
{
	/* no others: a console's framebuffer is not ours to take, and what nobody sees is no window */
	SDL_SetHint(SDL_HINT_VIDEODRIVER, "x11,wayland");
	SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
	SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
	SDL_SetMainReady();
	if (SDL_Init(SDL_INIT_VIDEO)) {
		snprintf(why, bytes, "%s", SDL_GetError());
		return false;
	}
	/* Wayland has no other way */
	if (!strcmp(SDL_GetCurrentVideoDriver(), "x11"))
		SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
	return true;
}

static void sdl_destroy(struct display_window *window)
{
	if (!window)
		return;
	if (window->texture)
		SDL_DestroyTexture(window->texture);
	if (window->renderer)
		SDL_DestroyRenderer(window->renderer);
	if (window->window)
		SDL_DestroyWindow(window->window);
	SDL_free(window);
}

static struct display_window *sdl_create(const char *title, int width, int height, char *why, size_t bytes)
{
	struct display_window *window = SDL_calloc(1, sizeof(*window));

	if (!window)
		return NULL;
	window->window = SDL_CreateWindow(title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, SDL_max(width, MIN_WINDOW_WIDTH),
					  SDL_max(height, MIN_WINDOW_HEIGHT), SDL_WINDOW_RESIZABLE);
	if (window->window)
		window->renderer = SDL_CreateRenderer(window->window, -1, SDL_RENDERER_SOFTWARE);
	if (window->renderer) {
		SDL_SetWindowData(window->window, OWN_DATA, window);
		return window;
	}
	snprintf(why, bytes, "%s", SDL_GetError());
	sdl_destroy(window);
	return NULL;
}

/* Whatever the window's size, with the picture's proportions. */
static void draw(struct display_window *window)
{
	SDL_SetRenderDrawColor(window->renderer, 0, 0, 0, SDL_ALPHA_OPAQUE);
	SDL_RenderClear(window->renderer);
	if (window->texture)
		SDL_RenderCopy(window->renderer, window->texture, NULL, NULL);
	SDL_RenderPresent(window->renderer);
}

static void make_texture(struct display_window *window, int width, int height)
{
	if (window->texture)
		SDL_DestroyTexture(window->texture);
	window->texture = SDL_CreateTexture(window->renderer, SDL_PIXELFORMAT_RGBA32, SDL_TEXTUREACCESS_STREAMING, width, height);
	window->width = width;
	window->height = height;
	if (window->texture)
		SDL_SetTextureBlendMode(window->texture, SDL_BLENDMODE_NONE);
	SDL_RenderSetLogicalSize(window->renderer, width, height);
}

static void sdl_show(struct display_window *window, const struct picture *picture)
{
	if (!window->texture || window->width != picture->width || window->height != picture->height)
		make_texture(window, picture->width, picture->height);
	if (window->texture)
		SDL_UpdateTexture(window->texture, NULL, picture->rgba, picture->width * 4);
	draw(window);
}

static void sdl_set_title(struct display_window *window, const char *title)
{
	SDL_SetWindowTitle(window->window, title);
}

static struct display_event translate_key(const SDL_KeyboardEvent *key)
{
	bool modified = key->keysym.mod & (KMOD_CTRL | KMOD_ALT | KMOD_GUI);

	if (key->repeat || modified || key->keysym.sym <= 0 || key->keysym.sym >= 127)
		return (struct display_event){ DISPLAY_NOTHING, 0 };
	return (struct display_event){ DISPLAY_KEY, (char)key->keysym.sym };
}

static void on_window_event(const SDL_WindowEvent *event)
{
	SDL_Window *from = SDL_GetWindowFromID(event->windowID);
	struct display_window *window = from ? SDL_GetWindowData(from, OWN_DATA) : NULL;

	if (window && (event->event == SDL_WINDOWEVENT_EXPOSED || event->event == SDL_WINDOWEVENT_SIZE_CHANGED))
		draw(window);
}

static struct display_event sdl_next_event(void)
{
	SDL_Event event;

	while (SDL_PollEvent(&event)) {
		struct display_event found = { DISPLAY_NOTHING, 0 };

		if (event.type == SDL_QUIT || (event.type == SDL_WINDOWEVENT && event.window.event == SDL_WINDOWEVENT_CLOSE))
			found.kind = DISPLAY_CLOSE;
		else if (event.type == SDL_KEYDOWN)
			found = translate_key(&event.key);
		else if (event.type == SDL_WINDOWEVENT)
			on_window_event(&event.window);
		if (found.kind != DISPLAY_NOTHING)
			return found;
	}
	return (struct display_event){ DISPLAY_NOTHING, 0 };
}

__attribute__((visibility("default"))) const struct display_module display_module = {
	.abi = DISPLAY_ABI, .open = sdl_open, .close = SDL_Quit, .create = sdl_create, .destroy = sdl_destroy,
	.show = sdl_show, .set_title = sdl_set_title, .next_event = sdl_next_event,
};

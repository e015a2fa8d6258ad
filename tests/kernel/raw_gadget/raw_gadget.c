/* All of it is the kernel's; the Makefile fetches it. */
#include "kernels.h"

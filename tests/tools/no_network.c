/*
 * Runs a program that must not use the network: it, and all that it starts, dies by SIGSYS when it makes a socket of another family than
 * AF_UNIX (clients, the service manager, a display) and AF_NETLINK (udev's news of cameras). io_uring, which makes sockets too, is not there.
 *
 * usage: no_network PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef ARCH
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), (otherwise))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* The lower half of the first argument stands first where bytes do. */
static bool forbid(void)
{
	static struct sock_filter rules[] = {
		LOAD(arch),
		IF_EQUAL(ARCH, 0, 7),
		LOAD(nr),
		IF_EQUAL(SYS_io_uring_setup, 6, 0),
		IF_EQUAL(SYS_socket, 0, 4),
		LOAD(args[0]),
		IF_EQUAL(AF_UNIX, 2, 0),
		IF_EQUAL(AF_NETLINK, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_fprog program = { sizeof(rules) / sizeof(rules[0]), rules };

	/* who may do it only then is one whose programs must not become anybody else */
	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) ||
	       (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}
#else
static bool forbid(void)
{
	errno = ENOSYS;
	return false;
}
#endif

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: no_network PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	if (!forbid())
		perror("no_network: the network is not forbidden: seccomp");
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}

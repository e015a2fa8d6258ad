// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the processor time of tasks exact: se.sum_exec_runtime in /proc/PID/task/TID/sched, and with it what
 * getrusage() and /proc/PID/stat say of user and system time together.
 *
 * The scheduler of user-mode Linux counts in ticks of 10 ms, for its sched_clock() is made of them: a camera that
 * delivers with the tick gives its readers nothing, or everything. Here sched_clock() becomes the processor time that
 * the host has given to this kernel and to the processes inside: those are processes of the host too, one an address
 * space, which run by turns. So a busy host, which only takes longer, does not count; and while all are idle, the clock
 * stands still. What the host spends on tracing a process (each system call stops it) does count: a system call is
 * dearer here than on a machine.
 *
 * In simulated time it works as well, for it is no clock that programs see.
 */
#include <linux/hash.h>
#include <linux/interrupt.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/string.h>

/* Of the host, x86_64. */
#define HOST_MPROTECT 10
#define HOST_CLOCK_GETTIME 228
#define HOST_PAGE_SIZE 4096UL
#define HOST_PROT_ALL 7
#define HOST_CLOCK_PROCESS 2

#define JUMP_BYTES 12
#define SPACE_BITS 12

/*
 * What an address space had used when it was last looked at. Two in one slot would spoil the figures: `collisions`.
 */
struct space {
	int pid;
	u64 used_ns;
};

static struct space spaces[1 << SPACE_BITS];
static u64 total_ns;		/* of all address spaces */
static u64 base_ns;		/* the clock goes on from where the ticks have left it */
static ulong collisions;

module_param(collisions, ulong, 0444);

static long host_call(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

static u64 host_clock_ns(int clock)
{
	s64 time[2] = {};

	host_call(HOST_CLOCK_GETTIME, clock, (long)time, 0);
	return time[0] * NSEC_PER_SEC + time[1];
}

/* The clock of another process of the host, as clock_getcpuclockid() makes it. */
static int clock_of(int pid)
{
	return (int)((~(unsigned int)pid << 3) | 2);
}

/* Only the address space of the task that runs has run since it was looked at. */
static void look_at(int pid)
{
	struct space *space = &spaces[hash_32(pid, SPACE_BITS)];
	u64 now_ns = host_clock_ns(clock_of(pid));

	if (space->pid != pid) {
		collisions += space->pid && host_clock_ns(clock_of(space->pid));
		*space = (struct space){.pid = pid};
	}
	if (now_ns > space->used_ns) {
		total_ns += now_ns - space->used_ns;
		space->used_ns = now_ns;
	}
}

/* In place of the kernel's sched_clock(), in any context. */
static u64 notrace cputime_clock(void)
{
	unsigned long flags;
	u64 now_ns;

	local_irq_save(flags);
	if (current->mm)
		look_at(current->mm->context.id.u.pid);
	now_ns = base_ns + total_ns + host_clock_ns(HOST_CLOCK_PROCESS);
	local_irq_restore(flags);
	return now_ns;
}

/* movabs $target, %rax; jmp *%rax */
static void write_jump(u8 *at, u64 target)
{
	u8 jump[JUMP_BYTES] = {0x48, 0xb8, [10] = 0xff, 0xe0};

	memcpy(jump + 2, &target, sizeof(target));
	memcpy(at, jump, sizeof(jump));
}

static int __init cputime_init(void)
{
	unsigned long at = (unsigned long)sched_clock, page = at & ~(HOST_PAGE_SIZE - 1), flags;

	if (host_call(HOST_MPROTECT, page, at + JUMP_BYTES - page, HOST_PROT_ALL))
		return -EPERM;
	local_irq_save(flags);
	base_ns = sched_clock();
	if (current->mm)
		look_at(current->mm->context.id.u.pid);
	base_ns -= total_ns + host_clock_ns(HOST_CLOCK_PROCESS);
	write_jump((u8 *)at, (u64)cputime_clock);
	local_irq_restore(flags);
	return 0;
}

module_init(cputime_init);		/* and no way back: the clock would jump */

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Processor time of tasks, to the nanosecond");

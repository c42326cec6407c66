/* SPDX-License-Identifier: GPL-2.0-only */
/* A freestanding guest on the real /dev/kvm: kicks, interrupts, serial, ends. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/statistics.h"
#include "kvm/vm.h"
#include "reactor/container.h"
#include "virtio/blk.h"
#include "tests/kvm/with_kvm.h"

#define SECOND 1000000000ull

static bool register_page; /* of the next run_guest() */
static const struct topology *shape;

struct run {
	struct reactor *r;
	struct vm *vm;
	struct blk *blk;
	struct timer limit;
	char out[200001];
	size_t out_len;
	enum vm_end end;
	char detail[256];
	bool timed_out;
	struct vm_exits exits;
	uint64_t interrupts, reads;
};

static void serial_out(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct run *run = ctx;

	assert_int_equal(port, 1);
	assert_true(run->out_len + len < sizeof run->out);
	memcpy(run->out + run->out_len, data, len);
	run->out_len += len;
}

static void ended(void *ctx, enum vm_end end, const char *detail)
{
	struct run *run = ctx;

	run->end = end;
	snprintf(run->detail, sizeof run->detail, "%s", detail);
	reactor_stop(run->r);
}

static void limit_over(struct timer *t)
{
	struct run *run = container_of(t, struct run, limit);

	run->timed_out = true;
	reactor_stop(run->r);
}

static void add_blk(struct run *run, struct vm_error *err)
{
	struct blk_config cfg = { .size = 1 << 20, .engine = BLK_ENGINE_URING };
	char why[256], path[] = "/tmp/ktstr-vm-XXXXXX";
	uint8_t sector[512];
	int fd = mkstemp(path);

	for (int i = 0; i < 4; i++) {
		memset(sector, i + 1, sizeof sector);
		assert_int_equal(pwrite(fd, sector, sizeof sector, i * 512), sizeof sector);
	}
	close(fd);
	cfg.path = path;
	cfg.size = 0;
	assert_int_equal(blk_create(&run->blk, run->r, &cfg, why, sizeof why), 0);
	unlink(path);
	assert_int_equal(vm_add_device(run->vm, blk_device(run->blk), err), 0);
}

static void run_guest(struct run *run, const char *cmd, uint64_t memory, unsigned cpus, bool with_blk)
{
	struct vm_config cfg = {
		.kernel = guest_path,
		.cmdline = cmd,
		.cpus = cpus,
		.memory = memory,
		.topology = shape,
		.register_page = register_page,
		.serial_out = serial_out,
		.ended = ended,
		.ctx = run,
	};
	struct vm_error err = { 0 };

	memset(run, 0, sizeof *run);
	assert_int_equal(reactor_create(&run->r, 64, 1024), 0);
	if (vm_create(&run->vm, run->r, &cfg, &err))
		fail_msg("%s", err.text);
	if (with_blk)
		add_blk(run, &err);
	assert_int_equal(timer_open(run->r, &run->limit, limit_over), 0);
	timer_set(&run->limit, monotonic_ns() + 60 * SECOND);
	if (vm_start(run->vm, &err))
		fail_msg("%s", err.text);
	assert_int_equal(reactor_run(run->r), 0);
	print_message("%s: %s: %s\n", cmd, vm_end_name(run->end), run->detail);
	vm_stop(run->vm);
	vm_exits(run->vm, &run->exits);
	if (with_blk) {
		run->reads = blk_counters(run->blk)->reads_completed;
		run->interrupts = blk_device(run->blk)->interrupts;
		blk_quiesce(run->blk);
	}
}

static void run_free(struct run *run)
{
	vm_destroy(run->vm);
	if (run->blk)
		assert_int_equal(blk_destroy(run->blk, SECOND), 0);
	timer_close(&run->limit);
	assert_int_equal(reactor_destroy(run->r, 5 * SECOND), 0);
}

static struct run run;

/* MM-20, with an edge on the line in an irqfd's place: each interrupt arrives */
static void kick_by_ioeventfd_and_interrupt_by_pulse(void **state)
{
	run_guest(&run, "b", 64 << 20, 1, true);
	assert_false(run.timed_out);
	assert_int_equal(run.end, VM_POWEROFF);
	/* 50 rounds of 1..4, each sector's first and last byte */
	assert_string_equal(run.out, "interrupts 200 sum 1000\n");
	assert_int_equal(run.reads, 200);
	assert_int_equal(run.interrupts, 200);
	/* A kick never comes back to user space, nor does the acknowledgement of
	 * an interrupt: what does is the look at InterruptStatus and the set-up of
	 * the device. */
	assert_true(run.exits.mmio >= 200);
	assert_true(run.exits.mmio < 200 + 40);
	/* and of those only the set-up waited for the reactor */
	assert_true(run.exits.mailbox < 40);
	run_free(&run);
}

/* With the registers in memory an interrupt costs no exit to user space. */
static void register_page_takes_the_exits_away(void **state)
{
	register_page = true;
	run_guest(&run, "b", 64 << 20, 1, true);
	register_page = false;
	assert_int_equal(run.end, VM_POWEROFF);
	assert_string_equal(run.out, "interrupts 200 sum 1000\n");
	assert_int_equal(run.interrupts, 200);
	assert_true(run.exits.mmio < 40); /* the set-up of the device alone */
	run_free(&run);
}

static void several_vcpus_start_and_stop(void **state)
{
	run_guest(&run, "b", 64 << 20, 4, true);
	assert_int_equal(run.end, VM_POWEROFF);
	assert_string_equal(run.out, "interrupts 200 sum 1000\n");
	run_free(&run);
}

/* 130 CPUs with APIC ids up to 256: the IOAPIC is ours then, and the data plane still leaves no vCPU to user space. */
static void apic_ids_beyond_8_bits(void **state)
{
	static struct topology t;
	char why[TOPOLOGY_WHY];

	assert_int_equal(topology_init(&t, 1, 2, 129, 1, why), 0);
	t.cores[1] = 1;
	assert_int_equal(topology_finish(&t, why), 0);
	assert_int_equal(topology_share_memory(&t, 64 << 20, why), 0);
	assert_int_equal(topology_apic_id_max(&t), 256);
	shape = &t;
	run_guest(&run, "b", 64 << 20, 0, true);
	shape = NULL;
	assert_false(run.timed_out);
	assert_int_equal(run.end, VM_POWEROFF);
	assert_string_equal(run.out, "interrupts 200 sum 1000\n");
	assert_true(run.exits.mmio < 400 + 40 + 4); /* four writes to the IOAPIC */
	run_free(&run);
	/* The last of them starts, and knows who it is. */
	shape = &t;
	run_guest(&run, "x 256", 64 << 20, 0, false);
	assert_string_equal(run.out, "cpu 256\n");
	run_free(&run);
	run_guest(&run, "x 128", 64 << 20, 0, false);
	assert_string_equal(run.out, "cpu 128\n");
	run_free(&run);
	shape = NULL;
	/* Who has no such ids is left in xAPIC mode. */
	run_guest(&run, "x 1", 64 << 20, 2, false);
	assert_string_equal(run.out, "xapic\n");
	run_free(&run);
}

static void panic_is_told_from_a_reboot(void **state)
{
	run_guest(&run, "p", 64 << 20, 1, false);
	assert_int_equal(run.end, VM_PANIC);
	assert_string_equal(vm_panic_text(run.vm),
			    "[ 0.1] Kernel panic - not syncing: of our own making\nsecond line\n");
	run_free(&run);
}

/* An oops tells more than the panic that comes of it; by itself it is none. */
static void panic_has_the_oops_before_it(void **state)
{
	run_guest(&run, "po", 64 << 20, 1, false);
	assert_int_equal(run.end, VM_PANIC);
	assert_string_equal(vm_panic_text(run.vm),
			    "[ 0.0] Oops: invalid opcode\n"
			    "[ 0.1] Kernel panic - not syncing: of our own making\nsecond line\n");
	run_free(&run);
	run_guest(&run, "poo", 64 << 20, 1, false);
	assert_int_equal(run.end, VM_PANIC);
	assert_string_equal(vm_panic_text(run.vm),
			    "[ 0.1] Kernel panic - not syncing: of our own making\nsecond line\n");
	run_free(&run);
}

static void reset_register_ends_the_vm(void **state)
{
	run_guest(&run, "r", 64 << 20, 1, false);
	assert_int_equal(run.end, VM_RESET);
	assert_string_equal(run.detail, "ACPI reset register");
	assert_string_equal(vm_panic_text(run.vm), "");
	run_free(&run);
}

static void triple_fault_ends_the_vm(void **state)
{
	run_guest(&run, "t", 64 << 20, 1, false);
	/* A KVM that emulates may say the same as an internal error. */
	assert_true(run.end == VM_TRIPLE_FAULT || run.end == VM_FATAL);
	assert_non_null(run.end == VM_TRIPLE_FAULT ? strstr(run.detail, "triple fault")
						   : strstr(run.detail, "internal error"));
	run_free(&run);
}

static void serial_output_keeps_every_byte(void **state)
{
	run_guest(&run, "s", 64 << 20, 1, false);
	assert_int_equal(run.end, VM_POWEROFF);
	assert_int_equal(run.out_len, 100000);
	for (size_t i = 0; i < run.out_len; i++)
		assert_int_equal(run.out[i], 'a' + i % 26);
	assert_int_equal(run.exits.mailbox, 0);
	run_free(&run);
}

static void memory_goes_on_above_the_gap(void **state)
{
	run_guest(&run, "m", 5ull << 30, 1, false);
	/* in 64 KiB: 3 GiB - 1 MiB below the gap, 2 GiB from 4 GiB on */
	assert_string_equal(run.out, "0:0+9 0:14+2 0:16+49136 1:0+32768 \n");
	run_free(&run);
	run_guest(&run, "m", 256 << 20, 1, false);
	assert_string_equal(run.out, "0:0+9 0:14+2 0:16+4080 \n");
	run_free(&run);
}

static void stop_reaches_a_guest_that_stands_still(void **state)
{
	struct vm_config cfg = { .kernel = guest_path, .cmdline = "h", .cpus = 2, .memory = 64 << 20 };
	struct vm_error err;

	memset(&run, 0, sizeof run);
	assert_int_equal(reactor_create(&run.r, 64, 256), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(vm_create(&run.vm, run.r, &cfg, &err), 0);
		assert_int_equal(vm_start(run.vm, &err), 0);
		if (i & 1)
			reactor_step_until(run.r, monotonic_ns() + SECOND / 100);
		vm_stop(run.vm);
		assert_int_equal(vm_state(run.vm), VM_STOPPED);
		vm_destroy(run.vm);
	}
	assert_int_equal(reactor_destroy(run.r, 5 * SECOND), 0);
}

static unsigned vm_stats, vcpu_stats;
static uint64_t exits_stat;

static void stat_seen(void *ctx, const char *name, bool per_vcpu, uint64_t value)
{
	if (per_vcpu)
		vcpu_stats++;
	else
		vm_stats++;
	if (per_vcpu && !strcmp(name, "exits"))
		exits_stat = value;
}

static void statistics_are_read_whole(void **state)
{
	int rc;

	run_guest(&run, "b", 64 << 20, 1, true);
	rc = vm_stats_read(run.vm, stat_seen, NULL);
	if (rc == -ENOTTY)
		skip();
	assert_int_equal(rc, 0);
	assert_true(vm_stats > 3);
	assert_true(vcpu_stats > 10);
	assert_true(exits_stat > 0);
	run_free(&run);
}

/* HST-03: a vCPU that runs holds what opening its file waits for, until it leaves the guest; this one never does. */
static void statistics_are_read_while_a_vcpu_runs(void **state)
{
	for (int with = 0; with < 2; with++) {
		struct vm_config cfg = {
			.kernel = guest_path, .cmdline = "h", .cpus = 1, .memory = 64 << 20, .statistics = with
		};
		struct vm_statistics s;
		struct vm_error err = { 0 };
		int rc;

		memset(&run, 0, sizeof run);
		cfg.serial_out = serial_out;
		cfg.ended = ended;
		cfg.ctx = &run;
		assert_int_equal(reactor_create(&run.r, 64, 1024), 0);
		assert_int_equal(vm_create(&run.vm, run.r, &cfg, &err), 0);
		assert_int_equal(vm_start(run.vm, &err), 0);
		while (!vm_first_run_ns(run.vm))
			reactor_step_until(run.r, monotonic_ns() + SECOND / 100);
		reactor_step_until(run.r, monotonic_ns() + SECOND / 10);
		assert_true(vm_cpu_thread(run.vm, 0) > 0);
		rc = vm_statistics_read(run.vm, &s);
		if (rc != -ENOTTY)
			assert_int_equal(rc, with ? 0 : -EBUSY);
		assert_true(!with || rc || s.n > 13);
		vm_statistics_free(&s);
		vm_stop(run.vm);
		assert_int_equal(vm_cpu_thread(run.vm, 0), -ESRCH);
		vm_destroy(run.vm);
		assert_int_equal(reactor_destroy(run.r, 5 * SECOND), 0);
	}
}

static int expect_bad_kernel(const char *path, uint64_t memory, const char *expect)
{
	struct vm_config cfg = { .kernel = path, .cpus = 1, .memory = memory };
	struct vm_error err = { 0 };
	struct reactor *r;
	struct vm *vm;
	int rc;

	assert_int_equal(reactor_create(&r, 16, 64), 0);
	assert_int_equal(vm_create(&vm, r, &cfg, &err), 0);
	rc = vm_start(vm, &err);
	vm_destroy(vm);
	assert_int_equal(reactor_destroy(r, SECOND), 0);
	if (!strstr(err.text, expect) || !strstr(err.text, path))
		fail_msg("\"%s\" says neither \"%s\" nor \"%s\"", err.text, expect, path);
	assert_null(strchr(err.text, '\n'));
	assert_null(strstr(err.text, "--"));
	return rc;
}

static void bad_kernels_are_named(void **state)
{
	char path[] = "/tmp/ktstr-kernel-XXXXXX", buf[8192];
	int fd = mkstemp(path), from = open(guest_path, O_RDONLY);
	ssize_t n;

	assert_true(expect_bad_kernel("/nonexistent/vmlinuz", 64 << 20, "cannot open") < 0);
	assert_true(expect_bad_kernel("/tmp", 64 << 20, "not a regular file") < 0);
	assert_true(expect_bad_kernel(path, 64 << 20, "is empty") < 0);
	memset(buf, 'x', sizeof buf);
	assert_int_equal(write(fd, buf, sizeof buf), sizeof buf);
	assert_true(expect_bad_kernel(path, 64 << 20, "not a kernel") < 0);
	/* The guest, cut at every length that may matter */
	n = pread(from, buf, sizeof buf, 0);
	assert_true(n > 1024);
	for (ssize_t cut = 64; cut < n / 2; cut += 61) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, buf, (size_t)cut, 0), cut);
		assert_true(expect_bad_kernel(path, 64 << 20, "") < 0);
	}
	/* A bzImage of the right shape and no payload */
	memset(buf, 0, sizeof buf);
	memcpy(buf + 0x202, "HdrS\x0f\x02", 6);
	assert_int_equal(pwrite(fd, buf, sizeof buf, 0), sizeof buf);
	assert_true(expect_bad_kernel(path, 64 << 20, "no 64-bit entry") < 0);
	buf[0x211] = 1;	   /* LOADED_HIGH */
	buf[0x236] = 1;	   /* XLF_64 */
	buf[0x1f5] = 0x10; /* syssize */
	assert_int_equal(pwrite(fd, buf, sizeof buf, 0), sizeof buf);
	assert_true(expect_bad_kernel(path, 64 << 20, "truncated kernel") < 0);
	unlink(path);
	close(fd);
	close(from);
}

static void initrd_that_does_not_fit_is_refused(void **state)
{
	char path[] = "/tmp/ktstr-initrd-XXXXXX";
	int fd = mkstemp(path);
	struct vm_config cfg = { .kernel = guest_path, .initrd = path, .cpus = 1, .memory = 64 << 20 };
	struct vm_error err;
	struct reactor *r;
	struct vm *vm;

	assert_int_equal(ftruncate(fd, 100 << 20), 0);
	assert_int_equal(reactor_create(&r, 16, 64), 0);
	assert_int_equal(vm_create(&vm, r, &cfg, &err), 0);
	assert_int_equal(vm_start(vm, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "does not fit"));
	assert_int_equal(err.fault, VM_FAULT_GUEST_MEMORY);
	vm_destroy(vm);
	assert_int_equal(reactor_destroy(r, SECOND), 0);
	unlink(path);
	close(fd);
}

static void images_are_mapped_or_copied(void **state)
{
	char path[] = "/tmp/ktstr-initrd-XXXXXX", bytes[3 * 4096 + 5];
	int fd = mkstemp(path);

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7 + i / 4096);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	for (int copy = 0; copy < 2; copy++) {
		struct vm_config cfg = {
			.kernel = guest_path, .initrd = path, .cmdline = "h", .cpus = 1, .memory = 64 << 20
		};
		struct vm_error err;
		struct reactor *r;
		struct vm *vm;

		cfg.backing.copy_images = copy;
		assert_int_equal(reactor_create(&r, 16, 64), 0);
		assert_int_equal(vm_create(&vm, r, &cfg, &err), 0);
		if (vm_start(vm, &err))
			fail_msg("%s", err.text);
		vm_stop(vm);
		assert_memory_equal(vm_memory(vm)->region[0].hva + (64 << 20) - 4 * 4096, bytes, sizeof bytes);
		assert_int_equal(vm_images_mapped(vm), !copy);
		vm_destroy(vm);
		assert_int_equal(reactor_destroy(r, SECOND), 0);
	}
	unlink(path);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kick_by_ioeventfd_and_interrupt_by_pulse),
		cmocka_unit_test(register_page_takes_the_exits_away),
		cmocka_unit_test(several_vcpus_start_and_stop),
		cmocka_unit_test(apic_ids_beyond_8_bits),
		cmocka_unit_test(panic_is_told_from_a_reboot),
		cmocka_unit_test(panic_has_the_oops_before_it),
		cmocka_unit_test(reset_register_ends_the_vm),
		cmocka_unit_test(triple_fault_ends_the_vm),
		cmocka_unit_test(serial_output_keeps_every_byte),
		cmocka_unit_test(memory_goes_on_above_the_gap),
		cmocka_unit_test(stop_reaches_a_guest_that_stands_still),
		cmocka_unit_test(statistics_are_read_whole),
		cmocka_unit_test(statistics_are_read_while_a_vcpu_runs),
		cmocka_unit_test(bad_kernels_are_named),
		cmocka_unit_test(initrd_that_does_not_fit_is_refused),
		cmocka_unit_test(images_are_mapped_or_copied),
	};

	return RUN_WITH_KVM(argc, argv, tests);
}

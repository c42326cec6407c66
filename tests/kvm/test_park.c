/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of a vCPU, run, park and stop, with guests of our own on the real /dev/kvm: a parked vCPU does nothing,
 * goes on afterwards as if nothing had been, and every order is acknowledged whatever the vCPU is doing. No time is
 * asserted; a wait that does not end is ended by the test's own time-out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/vm.h"
#include "tests/kvm/with_kvm.h"

#define SECOND 1000000000ull
#define CPUS 4u
#define CYCLES 1000u
#define MOVED_EVERY 25u /* cycles: after these, all counters are waited for */

static struct bed {
	struct reactor *r;
	struct vm *vm;
	unsigned parked; /* calls of on_parked() */
	enum vm_end end;
	char out[200001];
	size_t out_len;
} bed;

static void on_serial(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	assert_true(bed.out_len + len < sizeof(bed.out));
	memcpy(bed.out + bed.out_len, data, len);
	bed.out_len += len;
}

static void on_end(void *ctx, enum vm_end end, const char *detail)
{
	bed.end = end;
}

static void on_parked(void *ctx)
{
	assert_ptr_equal(ctx, &bed);
	bed.parked++;
}

static void create(const char *cmdline, unsigned cpus)
{
	struct vm_config cfg = {
		.kernel = guest_path,
		.cmdline = cmdline,
		.cpus = cpus,
		.memory = 64 << 20,
		.serial_out = on_serial,
		.ended = on_end,
	};
	struct vm_error err;

	memset(&bed, 0, sizeof(bed));
	assert_int_equal(reactor_create(&bed.r, 64, 256), 0);
	if (vm_create(&bed.vm, bed.r, &cfg, &err))
		fail_msg("%s", err.text);
}

static void start(void)
{
	struct vm_error err;

	if (vm_start(bed.vm, &err))
		fail_msg("%s", err.text);
}

static void destroy(void)
{
	vm_destroy(bed.vm);
	assert_int_equal(reactor_destroy(bed.r, 5 * SECOND), 0);
}

/* Handle what there is, and what comes within a millisecond. */
static void step(void)
{
	assert_true(reactor_step_until(bed.r, monotonic_ns() + SECOND / 1000) >= 0);
}

static void park(void)
{
	unsigned before = bed.parked;

	assert_int_equal(vm_park(bed.vm, on_parked, &bed), 0);
	assert_int_equal(bed.parked, before);
	while (bed.parked == before)
		step();
	assert_int_equal(bed.parked, before + 1);
	assert_int_equal(vm_parked(bed.vm), vm_cpus(bed.vm));
}

/* tests/kvm/guest.c, COUNT_AT() */
static uint32_t counter(unsigned cpu)
{
	const uint8_t *at = vm_memory(bed.vm)->region[0].hva + 0x30800 + cpu * 0x1000;

	return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
}

static void read_counters(uint32_t *counters)
{
	for (unsigned i = 0; i < CPUS; i++)
		counters[i] = counter(i);
}

static void wait_until_moved(const uint32_t *before)
{
	for (unsigned i = 0; i < CPUS; i++)
		while (counter(i) == before[i])
			step();
}

static uint64_t serial_exits(void)
{
	struct vm_exits exits;

	vm_exits(bed.vm, &exits);
	return exits.serial;
}

/*
 * A park that follows at once may find the vCPU not in the guest yet: parks without a pause can keep a guest from its
 * next instruction for good.
 */
static void wait_for_serial_exit(uint64_t before)
{
	while (bed.end == VM_RUNNING && serial_exits() == before)
		step();
}

static void wait_for_text(const char *text)
{
	while (!strstr(bed.out, text))
		step();
}

static void parked_vcpus_do_nothing_and_go_on_afterwards(void **state)
{
	uint32_t before[CPUS] = { 0 }, after[CPUS];

	create("C4", CPUS);
	start();
	wait_until_moved(before);
	for (unsigned i = 0; i < CYCLES; i++) {
		park();
		read_counters(before);
		usleep(100);
		read_counters(after);
		assert_memory_equal(before, after, sizeof(before));
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(vm_cpu_state(bed.vm, cpu), VM_CPU_PARKED);
		vm_unpark(bed.vm);
		if (i % MOVED_EVERY == 0)
			wait_until_moved(before);
	}
	wait_until_moved(before);
	vm_stop(bed.vm);
	destroy();
}

/* An acknowledgement of the order before is none of this one. */
static void a_park_that_is_given_up_is_not_taken_for_the_next(void **state)
{
	uint32_t before[CPUS] = { 0 }, after[CPUS];

	create("C4", CPUS);
	start();
	wait_until_moved(before);
	for (unsigned i = 0; i < CYCLES; i++) {
		assert_int_equal(vm_park(bed.vm, on_parked, &bed), 0);
		if (i % 3 == 0)
			usleep(20);
		vm_unpark(bed.vm);
		if (i % 5)
			continue;
		park();
		read_counters(before);
		usleep(20);
		read_counters(after);
		assert_memory_equal(before, after, sizeof(before));
		vm_unpark(bed.vm);
	}
	/* None but those that were waited for was said to be complete. */
	assert_int_equal(bed.parked, (CYCLES + 4) / 5);
	wait_until_moved(before);
	vm_stop(bed.vm);
	destroy();
}

static void registers_are_read_of_a_parked_vcpu_alone(void **state)
{
	uint32_t before[CPUS] = { 0 };
	struct vm_registers regs;

	create("C4", CPUS);
	start();
	wait_until_moved(before);
	assert_int_equal(vm_registers(bed.vm, 0, &regs), -EBUSY);
	assert_int_equal(vm_cpu_state(bed.vm, 0), VM_CPU_RUNS);
	park();
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(vm_registers(bed.vm, i, &regs), 0);
		assert_string_equal(regs.state, "running");
		assert_string_equal(regs.name[0], "rip");
		/* The first runs above 1 MiB, the others in real mode. */
		assert_true(i ? regs.value[0] < 8 : regs.value[0] >= 1 << 20);
	}
	assert_int_equal(vm_registers(bed.vm, CPUS, &regs), -ENOENT);
	vm_stop(bed.vm);
	destroy();
}

static void a_second_park_is_refused(void **state)
{
	create("w", 1);
	start();
	assert_int_equal(vm_park(bed.vm, on_parked, &bed), 0);
	assert_int_equal(vm_park(bed.vm, on_parked, &bed), -EALREADY);
	while (!bed.parked)
		step();
	assert_int_equal(vm_park(bed.vm, on_parked, &bed), -EALREADY);
	vm_unpark(bed.vm);
	vm_unpark(bed.vm);
	park();
	vm_stop(bed.vm);
	destroy();
}

static uint64_t register_value(const struct vm_registers *regs, const char *name)
{
	for (unsigned i = 0; i < VM_REGISTERS; i++)
		if (!strcmp(regs->name[i], name))
			return regs->value[i];
	fail_msg("no register %s", name);
	return 0;
}

/* FRZ-03: the guest's count in a register, its rip and the accesses that the host saw agree. */
static void an_access_to_a_port_is_complete_when_its_vcpu_is_parked(void **state)
{
	struct vm_registers regs;
	unsigned at[3] = { 0 };

	create("N", 1);
	start();
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t count, serial;

		park();
		assert_int_equal(vm_registers(bed.vm, 0, &regs), 0);
		serial = serial_exits();
		count = register_value(&regs, "rcx");
		switch (vm_memory(bed.vm)->region[0].hva[regs.value[0]]) {
		case 0xec: /* the next is in */
			assert_int_equal(serial, count);
			at[0]++;
			break;
		case 0x41: /* inc */
			assert_int_equal(serial, count + 1);
			at[1]++;
			break;
		case 0xeb: /* jmp */
			assert_int_equal(serial, count);
			at[2]++;
			break;
		}
		vm_unpark(bed.vm);
		if (i % MOVED_EVERY == 0)
			wait_for_serial_exit(serial);
	}
	assert_true(at[0] + at[1] + at[2] >= 10000 / MOVED_EVERY / 2);
	print_message("before in %u, before inc %u, before jmp %u\n", at[0], at[1], at[2]);
	vm_stop(bed.vm);
	destroy();
}

static void no_byte_of_serial_output_is_lost_or_doubled(void **state)
{
	unsigned parks = 0;

	create("s", 1);
	start();
	while (bed.end == VM_RUNNING) {
		uint64_t before;

		park();
		before = serial_exits();
		vm_unpark(bed.vm);
		if (parks++ % 2)
			wait_for_serial_exit(before);
	}
	print_message("parked %u times\n", parks);
	assert_int_equal(bed.end, VM_POWEROFF);
	assert_int_equal(bed.out_len, 100000);
	for (size_t i = 0; i < bed.out_len; i++)
		assert_int_equal(bed.out[i], 'a' + i % 26);
	vm_stop(bed.vm);
	destroy();
}

/* --- vCPUs in the mailbox -------------------------------------------------- */

static bool reset_is_slow;

static void config_read(struct virtio_device *d, uint32_t offset, void *buf, unsigned len)
{
	memset(buf, 0, len);
}

static void do_nothing(struct virtio_device *d)
{
}

static void ignore_kick(struct virtio_device *d, unsigned q)
{
}

static bool reset_device(struct virtio_device *d)
{
	return !reset_is_slow;
}

static const struct virtio_device_ops device_ops = {
	.name = "blk",
	.device_id = 2,
	.n_queues = 1,
	.config_read = config_read,
	.activate = do_nothing,
	.kick = ignore_kick,
	.reset = reset_device,
};
static struct virtio_device device;

static void create_with_device(const char *cmdline, unsigned cpus)
{
	struct vm_error err;

	create(cmdline, cpus);
	reset_is_slow = false;
	virtio_device_init(&device, &device_ops, 1ull << 32, 8);
	assert_int_equal(vm_add_device(bed.vm, &device, &err), 0);
}

static void answers_of_the_reactor_are_neither_lost_nor_mixed_up(void **state)
{
	uint32_t before;

	create_with_device("A", 1);
	start();
	for (unsigned i = 0; i < CYCLES; i++) {
		park();
		assert_int_equal(vm_cpu_state(bed.vm, 0), VM_CPU_PARKED);
		before = counter(0);
		step();
		assert_int_equal(counter(0), before);
		vm_unpark(bed.vm);
		if (i % MOVED_EVERY == 0)
			while (counter(0) == before)
				step();
	}
	assert_string_equal(bed.out, "");
	assert_int_equal(bed.end, VM_RUNNING);
	vm_stop(bed.vm);
	destroy();
}

static void wait_for_the_reset(void)
{
	reset_is_slow = true;
	start();
	while (!device.resetting)
		step();
	wait_for_text("resets\n");
}

static void a_vcpu_that_waits_for_a_reset_counts_as_parked(void **state)
{
	create_with_device("Q", 2);
	wait_for_the_reset();
	park();
	assert_int_equal(vm_cpu_state(bed.vm, 0), VM_CPU_PARKED_IN_EXIT);
	assert_int_equal(vm_cpu_state(bed.vm, 1), VM_CPU_PARKED);
	/* The reset ends meanwhile: it goes on nevertheless after vm_unpark() only. */
	virtio_reset_done(&device);
	for (unsigned i = 0; i < 20; i++)
		step();
	assert_int_equal(vm_cpu_state(bed.vm, 0), VM_CPU_PARKED_IN_EXIT);
	assert_string_equal(bed.out, "resets\n");
	vm_unpark(bed.vm);
	while (bed.end == VM_RUNNING)
		step();
	assert_int_equal(bed.end, VM_POWEROFF);
	assert_string_equal(bed.out, "resets\nreset\n");
	vm_stop(bed.vm);
	destroy();
}

static void a_reset_that_ends_after_the_park_lets_the_vcpu_go_on(void **state)
{
	create_with_device("Q", 1);
	wait_for_the_reset();
	park();
	vm_unpark(bed.vm);
	for (unsigned i = 0; i < 5; i++)
		step();
	assert_string_equal(bed.out, "resets\n");
	virtio_reset_done(&device);
	while (bed.end == VM_RUNNING)
		step();
	assert_string_equal(bed.out, "resets\nreset\n");
	vm_stop(bed.vm);
	destroy();
}

static void stop_reaches_a_vcpu_in_the_mailbox(void **state)
{
	for (unsigned parked = 0; parked < 2; parked++) {
		create_with_device("Q", 1);
		wait_for_the_reset();
		if (parked)
			park();
		vm_stop(bed.vm);
		assert_int_equal(vm_state(bed.vm), VM_STOPPED);
		vm_remove_devices(bed.vm);
		destroy();
	}
}

/* Between a vCPU's request and the reactor's answer: the reactor does not turn before the stop. */
static void stop_reaches_a_vcpu_that_the_reactor_has_not_answered(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		create_with_device("A", 1);
		start();
		usleep(i * 40);
		vm_stop(bed.vm);
		assert_int_equal(vm_state(bed.vm), VM_STOPPED);
		destroy();
	}
}

/* --- beginning and end ----------------------------------------------------- */

static void stop_reaches_parked_vcpus(void **state)
{
	for (unsigned i = 0; i < 20; i++) {
		create("C4", CPUS);
		start();
		if (i % 2)
			park();
		else
			assert_int_equal(vm_park(bed.vm, on_parked, &bed), 0);
		vm_stop(bed.vm);
		assert_int_equal(vm_state(bed.vm), VM_STOPPED);
		/* One that was not complete is forgotten. */
		step();
		assert_int_equal(bed.parked, i % 2);
		assert_int_equal(vm_park(bed.vm, on_parked, &bed), -ESHUTDOWN);
		destroy();
	}
}

/* Before vm_start() there is nothing to wait for; then the vCPUs wait before their first instruction. */
static void a_vm_that_is_parked_before_its_start_runs_after_vm_unpark(void **state)
{
	const uint32_t none[CPUS] = { 0 };
	struct vm_registers regs;

	create("C4", CPUS);
	park();
	start();
	assert_int_equal(vm_parked(bed.vm), CPUS);
	for (unsigned i = 0; i < 20; i++)
		step();
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(counter(i), 0);
		assert_int_equal(vm_cpu_state(bed.vm, i), VM_CPU_PARKED);
		assert_int_equal(vm_registers(bed.vm, i, &regs), 0);
	}
	assert_int_equal(vm_first_run_ns(bed.vm), 0);
	vm_unpark(bed.vm);
	wait_until_moved(none);
	assert_true(vm_first_run_ns(bed.vm) > 0);
	vm_stop(bed.vm);
	destroy();
}

/* The guest starts one of its CPUs; the others wait for their SIPI in KVM_RUN. And the one halts. */
static void vcpus_that_halt_or_were_never_started_are_parked(void **state)
{
	struct vm_registers regs;

	create("i", CPUS);
	start();
	wait_for_text("up\n");
	for (unsigned i = 0; i < 100; i++) {
		park();
		assert_int_equal(vm_registers(bed.vm, 0, &regs), 0);
		assert_true(regs.interrupts_off);
		assert_int_equal(vm_registers(bed.vm, 1, &regs), 0);
		assert_string_equal(regs.state, "not started");
		vm_unpark(bed.vm);
	}
	vm_stop(bed.vm);
	destroy();
}

/* A vCPU whose thread has ended by itself does not hold the others' park. */
static void a_vcpu_that_ended_counts_as_parked(void **state)
{
	create("t", 2);
	start();
	while (bed.end == VM_RUNNING)
		step();
	park();
	assert_int_equal(vm_cpu_state(bed.vm, 0), VM_CPU_NO_THREAD);
	assert_int_equal(vm_cpu_state(bed.vm, 1), VM_CPU_PARKED);
	vm_unpark(bed.vm);
	vm_stop(bed.vm);
	destroy();
}

/* vm_check_halted() sees what a guest does that is parked again and again. */
static void a_guest_that_halts_for_good_is_seen_between_parks(void **state)
{
	unsigned parks = 0;

	create("h", 2);
	start();
	while (bed.end == VM_RUNNING) {
		vm_check_halted(bed.vm);
		park();
		vm_unpark(bed.vm);
		for (unsigned i = parks++ % MOVED_EVERY ? 1 : 20; i > 0; i--)
			step();
	}
	assert_int_equal(bed.end, VM_HALTED);
	vm_stop(bed.vm);
	destroy();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parked_vcpus_do_nothing_and_go_on_afterwards),
		cmocka_unit_test(a_park_that_is_given_up_is_not_taken_for_the_next),
		cmocka_unit_test(registers_are_read_of_a_parked_vcpu_alone),
		cmocka_unit_test(a_second_park_is_refused),
		cmocka_unit_test(an_access_to_a_port_is_complete_when_its_vcpu_is_parked),
		cmocka_unit_test(no_byte_of_serial_output_is_lost_or_doubled),
		cmocka_unit_test(answers_of_the_reactor_are_neither_lost_nor_mixed_up),
		cmocka_unit_test(a_vcpu_that_waits_for_a_reset_counts_as_parked),
		cmocka_unit_test(a_reset_that_ends_after_the_park_lets_the_vcpu_go_on),
		cmocka_unit_test(stop_reaches_a_vcpu_in_the_mailbox),
		cmocka_unit_test(stop_reaches_a_vcpu_that_the_reactor_has_not_answered),
		cmocka_unit_test(stop_reaches_parked_vcpus),
		cmocka_unit_test(a_vm_that_is_parked_before_its_start_runs_after_vm_unpark),
		cmocka_unit_test(vcpus_that_halt_or_were_never_started_are_parked),
		cmocka_unit_test(a_vcpu_that_ended_counts_as_parked),
		cmocka_unit_test(a_guest_that_halts_for_good_is_seen_between_parks),
	};

	return RUN_WITH_KVM(argc, argv, tests);
}

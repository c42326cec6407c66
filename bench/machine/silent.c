/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest that says nothing: whether it is dead already, and what its CPUs were doing when it ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kernel/symbols.h"
#include "bench/machine/state.h"
#include "reactor/container.h"

#define CPUS_SHOWN 4
#define COLUMNS 4
#define STACK_WORDS 256u
#define CALLS_SHOWN 12u
#define RESET_RIP 0xfff0u

/* Until its init is up; of a plain VMM's guest until its first word. */
static bool is_silent(const struct machine *m)
{
	if (machine_converses(m))
		return !m->talk.session.ready_ns;
	return !m->screen.com[0].len && !m->screen.out.written && !sink_waiting(&m->screen.out);
}

void machine_on_silence(struct timer *t)
{
	struct machine *m = container_of(t, struct machine, ending.silence);

	/* It costs each vCPU an exit: not once the guest is up, which may be measured. */
	if (!is_silent(m))
		return;
	vm_check_halted(m->vm);
	timer_set(t, monotonic_ns() + SECOND_NS);
}

/* --- registers ------------------------------------------------------------ */

/* What is called from where, as far as the stack has it: words that are addresses of code, one of which may be stale.
 */
static void print_stack(const struct machine *m, unsigned cpu, const struct kernel_symbols *symbols)
{
	uint64_t word[STACK_WORDS];
	unsigned n = vm_stack(m->vm, cpu, word, STACK_WORDS), shown = 0;
	char symbol[192];

	for (unsigned i = 0; i < n && shown < CALLS_SHOWN; i++)
		if (kernel_symbol_at(symbols, word[i], symbol, sizeof(symbol)))
			fprintf(stderr, "%s %s\n", shown++ ? "             " : "  its stack: ", symbol);
}

static void print_cpu(const struct machine *m, unsigned cpu, const struct vm_registers *r,
		      const struct kernel_symbols *symbols)
{
	char symbol[192];

	if (r->value[0] == RESET_RIP) {
		fprintf(stderr,
			"--- vCPU %u: reset; what it did is lost, for on AMD's CPUs KVM resets one that ends by a "
			"triple fault\n",
			cpu);
		return;
	}

	kernel_symbol_at(symbols, r->value[0], symbol, sizeof(symbol));
	fprintf(stderr, "--- vCPU %u: %s, interrupts %s, at 0x%llx%s%s\n", cpu, r->state,
		r->interrupts_off ? "off" : "on", (unsigned long long)r->value[0], *symbol ? " " : "", symbol);
	for (unsigned i = 0; i < VM_REGISTERS; i++)
		fprintf(stderr, " %6s %016llx%s", r->name[i], (unsigned long long)r->value[i],
			i % COLUMNS == COLUMNS - 1 ? "\n" : "");
	print_stack(m, cpu, symbols);
}

void machine_print_registers(const struct machine *m)
{
	struct kernel_symbols *symbols;
	struct vm_registers r;
	unsigned shown = 0, i = 0;

	if (!m->ending.started)
		return;
	symbols = kernel_symbols_open(m->resolved->image, m->resolved->spec->kernel);
	for (; !vm_registers(m->vm, i, &r); i++)
		if (strcmp(r.state, "not started") && shown < CPUS_SHOWN && ++shown)
			print_cpu(m, i, &r, symbols);
	if (shown < i)
		fprintf(stderr, "--- %u more vCPUs are not shown\n", i - shown);
	kernel_symbols_close(symbols);
}

bool machine_was_silent(const struct machine *m)
{
	return is_silent(m);
}

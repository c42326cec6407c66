/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest that says nothing: whether it is dead already, and what its CPUs were doing when it ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kernel/find.h"
#include "bench/kernel/image.h"
#include "bench/machine/state.h"
#include "reactor/container.h"

#define CPUS_SHOWN 4
#define COLUMNS 4

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

/* --- symbols -------------------------------------------------------------- */

/* The System.map of the kernel: beside the image, in its build tree, or where distributions put it. */
static FILE *open_symbols(const struct machine_resolved *r)
{
	char path[PATH_MAX + 32], release[NAME_MAX + 1];
	const char *slash = strrchr(r->image, '/');
	FILE *f;

	snprintf(path, sizeof(path), "%.*sSystem.map", slash ? (int)(slash - r->image) + 1 : 0, r->image);
	f = fopen(path, "re");
	if (!f && r->spec->kernel) {
		snprintf(path, sizeof(path), "%s/System.map", r->spec->kernel);
		f = fopen(path, "re");
	}
	if (!f && kernel_image_release(r->image, release)) {
		snprintf(path, sizeof(path), "/boot/System.map-%s", release);
		f = fopen(path, "re");
	}
	return f;
}

/* "name+0x12/0x40" of @address in the map @f, which is sorted; or "". */
static void symbol_at(FILE *f, uint64_t address, char *text, size_t size)
{
	char line[512], name[256] = "", next[256], type;
	unsigned long long at, from = 0, to = 0;

	*text = '\0';
	if (!f)
		return;
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %c %255s", &at, &type, next) != 3)
			continue;
		if (at > address) {
			to = at;
			break;
		}
		from = at;
		strcpy(name, next);
	}
	/* Beyond the last, or before the first, it is no address of the kernel. */
	if (*name && to)
		snprintf(text, size, "%.128s+0x%llx/0x%llx", name, (unsigned long long)address - from, to - from);
}

/* --- registers ------------------------------------------------------------ */

static void print_cpu(unsigned cpu, const struct vm_registers *r, FILE *symbols)
{
	char symbol[192];

	symbol_at(symbols, r->value[0], symbol, sizeof(symbol));
	fprintf(stderr, "--- vCPU %u: %s, interrupts %s, at 0x%llx%s%s\n", cpu, r->state,
		r->interrupts_off ? "off" : "on", (unsigned long long)r->value[0], *symbol ? " " : "", symbol);
	for (unsigned i = 0; i < VM_REGISTERS; i++)
		fprintf(stderr, " %6s %016llx%s", r->name[i], (unsigned long long)r->value[i],
			i % COLUMNS == COLUMNS - 1 ? "\n" : "");
}

void machine_print_registers(const struct machine *m)
{
	FILE *symbols = open_symbols(m->resolved);
	struct vm_registers r;
	unsigned shown = 0, i = 0;

	if (!m->ending.started)
		return;
	for (; !vm_registers(m->vm, i, &r); i++)
		if (strcmp(r.state, "not started") && shown < CPUS_SHOWN && ++shown)
			print_cpu(i, &r, symbols);
	if (shown < i)
		fprintf(stderr, "--- %u more vCPUs are not shown\n", i - shown);
	if (symbols)
		fclose(symbols);
}

bool machine_was_silent(const struct machine *m)
{
	return is_silent(m);
}

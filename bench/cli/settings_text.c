/* SPDX-License-Identifier: GPL-2.0-only */
/* What users read of settings. */
#include "bench/cli/settings.h"

const struct settings_variable settings_variables[] = {
	{ "KTSTR_CACHE_DIR", "where kernels and QEMU are kept, instead of ~/.cache/ktstr" },
	{ "KTSTR_CONFIG", "the config file, instead of ~/.config/ktstr/config" },
	{ "KTSTR_DATA_DIR", "where baselines of ktstr bench are kept, instead of ~/.local/share/ktstr" },
	{ "KTSTR_LIBEXEC", "where guest-init, ktstr-scx and ktstr-workload lie, if not beside ktstr" },
	{ "KTSTR_LOCK_DIR", "where the locks of host CPUs lie, instead of /tmp" },
	{ "KTSTR_LOG_LINES", "lines that bench/run and tests/run show of a step that failed" },
	{ "KTSTR_MIRROR", "the mirror of ktstr kernel fetch, instead of the one in apt's sources" },
	{ "KTSTR_NESTED_CPUS", "CPUs of the nested host" },
	{ "KTSTR_NESTED_CPU_MODEL", "the nested host's CPU, as QEMU's -cpu has it" },
	{ "KTSTR_NESTED_MEMORY", "memory of the nested host" },
	{ "KTSTR_NESTED_TIMEOUT", "seconds within which the nested host must report" },
	{ "KTSTR_QEMU", "the QEMU of the nested host" },
	{ "KTSTR_SUITES", "the suites of ktstr kernel fetch, instead of those of Debian's stable and oldstable" },
	{ "KTSTR_BUILD_DIR", "where bench/run and tests/run build" },
	{ 0 },
};

const char settings_manual[] =
	"Options need not be typed. They may stand in ~/.config/ktstr/config, or in the environment:\n\n"
	"  # a comment\n"
	"  cpus = 4          an option by its long name, for run, shell and bench where they have it\n"
	"  net = yes         one that needs no value: yes or no\n"
	"  [bench]           what follows is for this verb alone\n"
	"  duration = 10s\n\n"
	"A value is the rest of its line; nothing is quoted. In the environment the first of these is KTSTR_CPUS=4, "
	"for run, "
	"shell and bench. The command line goes before the environment, that before a job file (ktstr bench --job), "
	"that "
	"before the file's section of the verb, that "
	"before the file's top: an option given at one of these replaces all that the later ones say of it, and of "
	"what "
	"it "
	"contradicts (--topology a number of --cpus, --mode a --cpu-cap). An unknown "
	"name "
	"is an error that names its file and line. ktstr run --dry-run shows what comes of it all.\n";

/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/nested_env.h"
#include "bench/base/program.h"
#include "bench/base/say.h"
#include "bench/host/remedy.h"

bool host_is_nested(void)
{
	return getenv(NESTED_ENV) != NULL;
}

int host_choose(enum host_choice choice, struct kvm_probe *probe)
{
	char message[REMEDY_MESSAGE];

	if (choice == HOST_TRY) {
		memset(probe, 0, sizeof(*probe));
		return HOST_DIRECT;
	}
	host_probe(probe);
	if (choice == HOST_NESTED && host_is_nested()) {
		say_error("--host nested: this is the nested host already; use --host direct");
		return -EXIT_USAGE;
	}
	if (choice == HOST_NESTED)
		return HOST_NESTED;
	if (probe->kind == KVM_HARDWARE)
		return HOST_DIRECT;
	if (choice == HOST_DIRECT || host_is_nested()) {
		say_error("--host direct: %s", remedy_message(message, probe->fault, probe->why));
		return -EXIT_UNAVAILABLE;
	}
	/* Without its remedy: the nested host is one. */
	say_error("%s", probe->why);
	return HOST_NESTED;
}

const char *host_kind_text(const struct kvm_probe *probe)
{
	if (host_is_nested())
		return "nested: timings are not those of hardware";
	return probe->kind == KVM_HARDWARE ? "hardware KVM" : "no KVM that boots stock kernels";
}

int host_reactor(struct reactor **out, unsigned sq_entries, unsigned in_flight_max)
{
	int rc = reactor_create(out, sq_entries, in_flight_max), error = rc;

	if (rc == -EPERM || rc == -ENOSYS) {
		rc = reactor_create_epoll(out, in_flight_max);
		if (!rc)
			fprintf(stderr,
				"ktstr: io_uring is not available (%s): devices use epoll, and disks serve one request "
				"at a time\n",
				strerror(-error));
	}
	if (rc)
		say_error("the reactor: %s; %s", strerror(-rc), say_limit(-rc));
	return rc ? EXIT_UNAVAILABLE : 0;
}

void host_io_uring(struct host_io_uring *out)
{
	struct reactor *r;
	char line[32];

	memset(out, 0, sizeof(*out));
	out->disabled = !file_read_line("/proc/sys/kernel/io_uring_disabled", line, sizeof(line)) ? atoi(line) : -1;
	out->error = reactor_create(&r, 8, 8);
	if (out->error)
		return;
	out->features = *reactor_features(r);
	reactor_destroy(r, 1000000000u);
}

void host_cpu_model(char *text, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " "));
		break;
	}
	if (f)
		fclose(f);
}

int host_companion(const char *name, const char *relative, char path[PATH_MAX])
{
	const char *dir = getenv("KTSTR_LIBEXEC");
	char installed[PATH_MAX];

	if (dir && snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX && !access(path, X_OK))
		return 0;
	if (!program_sibling(path, relative))
		return 0;
	snprintf(installed, sizeof(installed), LIBEXEC_FROM_BIN "/%s", name);
	if (installed[0] == '/' ? realpath(installed, path) != NULL : !program_sibling(path, installed))
		return 0;
	say_error("%s: not found beside this program; build all of it, or set KTSTR_LIBEXEC to its directory", name);
	return -ENOENT;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Caches what KVM can do. To find that out, VMs are created and run, which takes longer than everything else before a
 * guest's first instruction. DIR/kvm-kind and DIR/kvm-probe-page hold the answers for this boot and this /dev/kvm,
 * which the kernel creates anew whenever KVM's modules are loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/cache/path.h"
#include "bench/cache/store.h"
#include "bench/host/facts.h"

/* Where an answer is cached, and for which boot and /dev/kvm it is valid. */
struct keeper {
	char path[PATH_MAX], of[256];
	bool reads, writes;
};

/* The boot and /dev/kvm that answers are about. */
static bool subject_of(char text[256])
{
	char boot[64], identity[STORE_IDENTITY];
	struct stat st;

	if (file_read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) || stat("/dev/kvm", &st))
		return false;
	store_identity(&st, identity);
	snprintf(text, 256, "%s %s", boot, identity);
	return true;
}

static void keeper_find(struct keeper *k, const char *name)
{
	char root[PATH_MAX];
	bool known = subject_of(k->of) && !cache_path(root, NULL) && !cache_path(k->path, name);

	/* An answer of another user is no use to a process that may not open /dev/kvm. */
	k->reads = known && !access("/dev/kvm", R_OK | W_OK);
	/* A query does not create the cache directory. */
	k->writes = known && !access(root, W_OK);
}

/* The cached answer, open after the line that names its subject. NULL: none that is valid. */
static FILE *open_cached(const struct keeper *k)
{
	char line[256] = "";
	size_t len = strlen(k->of);
	FILE *f = k->reads ? fopen(k->path, "re") : NULL;

	if (!f)
		return NULL;
	if (fgets(line, sizeof(line), f) && !strncmp(line, k->of, len) && line[len] == '\n')
		return f;
	fclose(f);
	return NULL;
}

static void write_cached(const struct keeper *k, const char *answer)
{
	char text[1024];

	if (!k->writes)
		return;
	snprintf(text, sizeof(text), "%s\n%s\n", k->of, answer);
	store_write_text(k->path, text);
}

/* The rest of the current line, without its newline. */
static bool read_text(FILE *f, char *text, size_t size)
{
	if (!fgets(text, (int)size, f))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool read_cached_kind(const struct keeper *k, struct kvm_probe *probe)
{
	FILE *f = open_cached(k);
	int kind = KVM_NONE;
	bool known;

	memset(probe, 0, sizeof(*probe));
	known = f && fscanf(f, "%d\n", &kind) == 1 && read_text(f, probe->why, sizeof(probe->why)) &&
		(kind == KVM_HARDWARE || kind == KVM_SOFTWARE);
	probe->kind = (enum kvm_kind)kind;
	probe->fault = kind == KVM_SOFTWARE ? VM_FAULT_KVM_INCAPABLE : VM_FAULT_OTHER;
	if (f)
		fclose(f);
	return known;
}

void host_probe(struct kvm_probe *probe)
{
	struct keeper k;
	char text[512];

	keeper_find(&k, "kvm-kind");
	if (read_cached_kind(&k, probe))
		return;
	kvm_probe(probe);
	/* A failure is not cached: the next process tries again. */
	if (probe->kind == KVM_NONE)
		return;
	snprintf(text, sizeof(text), "%d\n%s", (int)probe->kind, probe->why);
	write_cached(&k, text);
}

static bool read_cached_page(const struct keeper *k, struct kvm_page_probe *probe)
{
	FILE *f = open_cached(k);
	int works = 0;
	bool known;

	memset(probe, 0, sizeof(*probe));
	known = f && fscanf(f, "%d %" SCNu64 " %" SCNu64, &works, &probe->exits_ns, &probe->page_ns) == 3 &&
		fgetc(f) == '\n' && read_text(f, probe->why, sizeof(probe->why)) &&
		(!works || (probe->exits_ns && probe->page_ns));
	probe->works = works;
	if (f)
		fclose(f);
	return known;
}

int host_probe_page(struct kvm_page_probe *probe)
{
	struct keeper k;
	char text[512];
	int rc;

	keeper_find(&k, "kvm-probe-page");
	if (read_cached_page(&k, probe))
		return 0;
	rc = kvm_probe_page(probe);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%d %" PRIu64 " %" PRIu64 "\n%s", probe->works, probe->exits_ns, probe->page_ns,
		 probe->why);
	write_cached(&k, text);
	return 0;
}

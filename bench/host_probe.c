/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM is, found out once: a VM is made, run and unmade for it, which takes longer than all else before a guest's
 * first instruction. DIR/kvm-probe holds the answer of this boot and of this /dev/kvm, which the kernel makes anew with
 * each load of KVM's modules.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/cache.h"
#include "bench/host.h"
#include "bench/store.h"

/* Of which the answer is one. */
static bool whose(char text[256])
{
	char boot[64], identity[STORE_IDENTITY];
	struct stat st;

	if (!host_read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) || stat("/dev/kvm", &st))
		return false;
	store_identity(&st, identity);
	snprintf(text, 256, "%s %s", boot, identity);
	return true;
}

static bool recall(const char *path, const char *of, struct kvm_probe *probe)
{
	char line[256] = "", why[sizeof(probe->why)] = "";
	FILE *f = fopen(path, "re");
	int kind = KVM_NONE;
	bool known;

	if (!f)
		return false;
	known = fgets(line, sizeof(line), f) && !strncmp(line, of, strlen(of)) && line[strlen(of)] == '\n' &&
		fscanf(f, "%d\n", &kind) == 1 && fgets(why, sizeof(why), f) &&
		(kind == KVM_HARDWARE || kind == KVM_SOFTWARE);
	fclose(f);
	if (!known)
		return false;
	memset(probe, 0, sizeof(*probe));
	probe->kind = (enum kvm_kind)kind;
	why[strcspn(why, "\n")] = '\0';
	memcpy(probe->why, why, sizeof(probe->why));
	return true;
}

void host_probe(struct kvm_probe *probe)
{
	char path[PATH_MAX], root[PATH_MAX], of[256], text[1024];
	bool keep = whose(of) && !cache_path(root, NULL) && !cache_path(path, "kvm-probe");

	/* Who may not open it now gets no answer of somebody who could. */
	if (keep && !access("/dev/kvm", R_OK | W_OK) && recall(path, of, probe))
		return;
	kvm_probe(probe);
	/* Asking alone makes no cache; and without an answer the next one tries again. */
	if (!keep || access(root, W_OK) || probe->kind == KVM_NONE)
		return;
	snprintf(text, sizeof(text), "%s\n%d\n%s\n", of, (int)probe->kind, probe->why);
	store_write_text(path, text);
}

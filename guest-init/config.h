/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's instructions to the guest's init, as files in the initramfs, each of which may be missing. The builder of
 * the initramfs includes this header for the paths.
 */
#ifndef KTSTR_GUEST_INIT_CONFIG_H
#define KTSTR_GUEST_INIT_CONFIG_H

#include <stdbool.h>

#define CONFIG_DIR "/ktstr"
#define CONFIG_ARGV "argv"		 /* the command's words, each ended by NUL; missing: a shell on the console */
#define CONFIG_ENV "env"		 /* NAME=VALUE, each ended by NUL */
#define CONFIG_MODULES "modules"	 /* a guest path per line, in load order */
#define CONFIG_OUTPUTS "outputs"	 /* a guest path per line: sent to the host after the command has ended */
#define CONFIG_OUTPUT_DIRS "output_dirs" /* likewise: directories whose finished files are sent as they appear */
#define CONFIG_LINKS                                                                                                   \
	"links" /* what lies below /dev: a path and its target, each ended by NUL; no target: a directory */
#define CONFIG_TOPOLOGY "topology" /* what the kernel is to see, see topology.h */
#define CONFIG_OPTIONS "options"   /* one KEY=VALUE per line, see struct config */

struct config {
	char **argv; /* NULL: none given */
	char **env, **modules, **outputs, **output_dirs;
	char **links;	     /* pairs: path, target */
	char *cwd;	     /* cwd=PATH, else NULL */
	bool console_shell;  /* console_shell=1: the command (or a shell) owns the console, not the bulk port */
	bool ack_exit;	     /* ack_exit=1: power off only when WIRE_EACK has come */
	unsigned wait_disks; /* wait_disks=N: run the command when N virtio disks are there */
	bool conversation;   /* conversation=1: wake bytes, statistics relay, socket for the guest's programs */
	bool tty;	     /* tty=1: the command's stdio is a terminal, its size by WIRE_WSIZ */
	bool one_output;     /* one_output=1: stdout and stderr are one pipe, whose bytes are all stdout's */
	bool spare_cpu0;     /* spare_cpu0=1: the command runs on the other CPUs only */
	bool hold_vm;	     /* hold_vm=1: keep idle VMs from now on, so that KVM patches no code */
	bool dmesg;	     /* dmesg=1: send the kernel log when the command fails */
	char *unknown;	     /* the last line of options that is none of these, else NULL */
};

/* 0, or -errno when a file that is there can't be read. */
int config_load(struct config *c, const char *dir);
void config_free(struct config *c);

#endif

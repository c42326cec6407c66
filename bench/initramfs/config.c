/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration of guest-init: its command, environment, options and output files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/initramfs/archive.h"
#include "bench/initramfs/entries.h"

/* NAME=VALUE, in the place of one with that name. */
static int list_set(struct initramfs *in, struct initramfs_list *list, const char *name, const char *value)
{
	size_t len = strlen(name);
	char *item;
	int ret;

	if (in->error)
		return in->error;
	if (asprintf(&item, "%s=%s", name, value) < 0)
		return initramfs_no_memory(in);
	for (size_t i = 0; i < list->n; i++)
		if (!strncmp(list->items[i], item, len + 1)) {
			free(list->items[i]);
			list->items[i] = item;
			return 0;
		}
	ret = initramfs_list_add(in, list, item);
	free(item);
	return ret;
}

int initramfs_set_argv(struct initramfs *in, const char *const *argv)
{
	initramfs_list_free(&in->argv);
	for (; *argv && !in->error; argv++)
		initramfs_list_add(in, &in->argv, *argv);
	return in->error;
}

int initramfs_set_env(struct initramfs *in, const char *name, const char *value)
{
	return list_set(in, &in->env, name, value);
}

int initramfs_put_env(struct initramfs *in, const char *item)
{
	size_t n = strcspn(item, "=");
	char *name = strndup(item, n);
	int ret = name ? initramfs_set_env(in, name, item[n] ? item + n + 1 : "") : initramfs_no_memory(in);

	free(name);
	return ret;
}

/* A newline would end the line that the guest reads. */
static int check_line(struct initramfs *in, const char *what, const char *text)
{
	return strchr(text, '\n') ? initramfs_fail(in, -EINVAL, "%s: may not contain a newline", what) : in->error;
}

int initramfs_set_option(struct initramfs *in, const char *key, const char *value)
{
	return check_line(in, key, value) ? in->error : list_set(in, &in->options, key, value);
}

int initramfs_add_output(struct initramfs *in, const char *guest)
{
	return check_line(in, "an output file's path", guest) ? in->error : initramfs_list_add(in, &in->outputs, guest);
}

int initramfs_add_output_dir(struct initramfs *in, const char *guest)
{
	if (check_line(in, "an output directory's path", guest) || initramfs_add_dir(in, guest, 0755))
		return in->error;
	return initramfs_list_add(in, &in->output_dirs, guest);
}

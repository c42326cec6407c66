/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole file with a terminating NUL; *@text NULL: there is no such file. */
static int read_text(const char *dir, const char *name, char **text, size_t *len)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t n = 0;
	int fd, ret = 0;

	*text = NULL;
	*len = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st)) {
		ret = -errno;
		goto out;
	}
	*text = malloc((size_t)st.st_size + 1);
	if (!*text) {
		ret = -ENOMEM;
		goto out;
	}
	while (*len < (size_t)st.st_size && (n = read(fd, *text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	(*text)[*len] = '\0';
	if (n < 0) {
		ret = -errno;
		free(*text);
		*text = NULL;
	}
out:
	close(fd);
	return ret;
}

/*
 * A NULL-terminated list of the pieces of @dir/@name that @end ends. Pieces
 * and list are one allocation, the list first, so that one free() serves.
 * *@list NULL: no such file.
 */
static int read_list(const char *dir, const char *name, char end, char ***list)
{
	size_t len, n = 0, words = 1;
	char *text, *copy, *p;
	int ret = read_text(dir, name, &text, &len);

	*list = NULL;
	if (ret || !text)
		return ret;
	for (size_t i = 0; i < len; i++)
		words += text[i] == end;
	*list = malloc((words + 1) * sizeof(char *) + len + 1);
	if (!*list) {
		free(text);
		return -ENOMEM;
	}
	copy = memcpy(*list + words + 1, text, len + 1);
	free(text);
	for (p = copy; p < copy + len; p += strlen(p) + 1) {
		char *stop = memchr(p, end, (size_t)(copy + len - p));

		if (stop)
			*stop = '\0';
		/* A word may be empty; an empty line is skipped. */
		if (*p || end == '\0')
			(*list)[n++] = p;
	}
	(*list)[n] = NULL;
	return 0;
}

/* The value when @line is @key=VALUE. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(line, key, len) && line[len] == '=' ? line + len + 1 : NULL;
}

static int read_options(struct config *c, const char *dir)
{
	char **lines;
	int ret = read_list(dir, CONFIG_OPTIONS, '\n', &lines);

	for (char **l = lines; l && *l && !ret; l++) {
		const char *v;
		char **keep = NULL;

		if ((v = value_of(*l, "cwd")))
			keep = &c->cwd;
		else if ((v = value_of(*l, "console_shell")))
			c->console_shell = *v == '1';
		else if ((v = value_of(*l, "ack_exit")))
			c->ack_exit = *v == '1';
		else if ((v = value_of(*l, "conversation")))
			c->conversation = *v == '1';
		else if ((v = value_of(*l, "tty")))
			c->tty = *v == '1';
		else if ((v = value_of(*l, "one_output")))
			c->one_output = *v == '1';
		else if ((v = value_of(*l, "dmesg")))
			c->dmesg = *v == '1';
		else if ((v = value_of(*l, "spare_cpu0")))
			c->spare_cpu0 = *v == '1';
		else if ((v = value_of(*l, "hold_vm")))
			c->hold_vm = *v == '1';
		else if ((v = value_of(*l, "wait_disks")))
			c->wait_disks = (unsigned)strtoul(v, NULL, 10);
		else
			keep = &c->unknown, v = *l;
		if (!keep)
			continue;
		free(*keep);
		*keep = strdup(v);
		if (!*keep)
			ret = -ENOMEM;
	}
	free(lines);
	return ret;
}

int config_load(struct config *c, const char *dir)
{
	int ret;

	memset(c, 0, sizeof(*c));
	ret = read_list(dir, CONFIG_ARGV, '\0', &c->argv);
	if (!ret)
		ret = read_list(dir, CONFIG_ENV, '\0', &c->env);
	if (!ret)
		ret = read_list(dir, CONFIG_MODULES, '\n', &c->modules);
	if (!ret)
		ret = read_list(dir, CONFIG_OUTPUTS, '\n', &c->outputs);
	if (!ret)
		ret = read_list(dir, CONFIG_OUTPUT_DIRS, '\n', &c->output_dirs);
	if (!ret)
		ret = read_list(dir, CONFIG_LINKS, '\0', &c->links);
	if (!ret)
		ret = read_options(c, dir);
	/* A file without words means: no command. */
	if (!ret && c->argv && !c->argv[0]) {
		free(c->argv);
		c->argv = NULL;
	}
	if (ret)
		config_free(c);
	return ret;
}

void config_free(struct config *c)
{
	free(c->argv);
	free(c->env);
	free(c->modules);
	free(c->outputs);
	free(c->output_dirs);
	free(c->links);
	free(c->cwd);
	free(c->unknown);
	memset(c, 0, sizeof(*c));
}

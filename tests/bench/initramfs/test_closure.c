/* SPDX-License-Identifier: GPL-2.0-only */
/* The libraries that a program needs: against ldd, and with search paths of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "bench/initramfs/closure.h"

#define PATHS_MAX 256

static char dir[] = "/tmp/ktstr-test-XXXXXX";

struct paths {
	size_t n;
	char path[PATHS_MAX][256];
};

static void add(void *ctx, const char *path)
{
	struct paths *p = ctx;

	assert_in_range(p->n, 0, PATHS_MAX - 1);
	assert_in_range(strlen(path), 1, sizeof(p->path[0]) - 1);
	strcpy(p->path[p->n++], path);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What ld.so itself says: the last word that is a path of each line. */
static void ldd(const char *program, struct paths *p)
{
	char command[512], line[512];
	FILE *f;

	snprintf(command, sizeof(command), "ldd %s | grep -o '/[^ ]*'", program);
	f = popen(command, "r");
	assert_non_null(f);
	p->n = 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		add(p, line);
	}
	pclose(f);
	qsort(p->path, p->n, sizeof(p->path[0]), by_text);
}

static void closure_is_ldds(void **state)
{
	static const char *const programs[] = { "/bin/ls",	"/bin/bash",	 "/usr/bin/python3",
						"/usr/bin/gcc", "/usr/bin/curl", "/usr/bin/git" };
	struct paths *ours = malloc(sizeof(*ours)), *theirs = malloc(sizeof(*theirs));
	unsigned compared = 0;
	char why[256];

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (access(programs[i], X_OK))
			continue;
		ldd(programs[i], theirs);
		if (!theirs->n)
			continue;
		ours->n = 0;
		assert_int_equal(elf_closure(programs[i], add, ours, why, sizeof(why)), 0);
		qsort(ours->path, ours->n, sizeof(ours->path[0]), by_text);
		assert_int_equal(ours->n, theirs->n);
		for (size_t k = 0; k < ours->n; k++)
			assert_string_equal(ours->path[k], theirs->path[k]);
		compared++;
	}
	free(ours);
	free(theirs);
	assert_true(compared >= 1);
}

static void shell(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static bool has(const struct paths *p, const char *end)
{
	for (size_t i = 0; i < p->n; i++)
		if (strlen(p->path[i]) >= strlen(end) && !strcmp(p->path[i] + strlen(p->path[i]) - strlen(end), end))
			return true;
	return false;
}

/* A program with a library beside it, which has another: $ORIGIN, as DT_RUNPATH
 * and as DT_RPATH, which holds for the library's own needs as well. */
static void search_paths_of_the_objects_count(void **state)
{
	static const char *const tags[] = { "--enable-new-dtags", "--disable-new-dtags" };
	struct paths *p = malloc(sizeof(*p));
	char program[128], why[256];

	if (system("gcc --version >/dev/null 2>&1")) {
		print_message("skipped: no gcc on this host\n");
		free(p);
		skip();
	}
	shell("mkdir -p %s/bin %s/lib && cd %s && echo 'int inner(void){return 1;}' >inner.c && "
	      "echo 'int inner(void);int outer(void){return inner();}' >outer.c && "
	      "echo 'int outer(void);int main(void){return outer();}' >main.c && "
	      "gcc -shared -fPIC -o lib/libinner.so inner.c",
	      dir, dir, dir);
	snprintf(program, sizeof(program), "%s/link-to-program", dir);
	for (int i = 0; i < 2; i++) {
		/* With DT_RPATH the outer one needs no path of its own. */
		shell("cd %s && gcc -shared -fPIC -o lib/libouter.so outer.c -Llib -linner %s && "
		      "gcc -o bin/program main.c -Llib -louter -Wl,-rpath-link,lib '-Wl,-rpath,$ORIGIN/../lib,%s' && "
		      "ln -sf bin/program link-to-program",
		      dir, i ? "" : "'-Wl,-rpath,${ORIGIN},--enable-new-dtags'", tags[i]);
		p->n = 0;
		assert_int_equal(elf_closure(program, add, p, why, sizeof(why)), 0);
		assert_true(has(p, "/lib/libouter.so"));
		assert_true(has(p, "/lib/libinner.so"));
		assert_true(has(p, "/libc.so.6"));
		assert_true(has(p, "/ld-linux-x86-64.so.2"));
		assert_int_equal(p->n, 4);
	}
	/* A library that is there, but for no such machine, is as good as missing. */
	shell("cd %s && printf '\\177ELF junk of at least twenty bytes' >lib/libinner.so", dir);
	p->n = 0;
	assert_int_equal(elf_closure(program, add, p, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "lib/libouter.so: its library libinner.so is not found"));
	free(p);
}

static void static_programs_need_nothing(void **state)
{
	struct paths *p = calloc(1, sizeof(*p));
	char why[256];

	assert_int_equal(elf_closure(GUEST_INIT, add, p, why, sizeof(why)), 0);
	assert_int_equal(p->n, 0);
	free(p);
}

/* Every prefix of a good program, and what is none: an error, no crash. */
static void damaged_files_are_refused(void **state)
{
	struct paths *p = malloc(sizeof(*p));
	char path[128], why[256];
	size_t len;
	char *data = malloc(1 << 20);
	FILE *f = fopen("/bin/ls", "r");

	assert_non_null(f);
	len = fread(data, 1, 1 << 20, f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/damaged", dir);
	assert_int_equal(elf_closure("/etc/passwd", add, p, why, sizeof(why)), -ENOEXEC);
	assert_string_equal(why, "/etc/passwd: not an ELF file");
	for (size_t cut = 0; cut < len && cut < 8192; cut += 61) {
		f = fopen(path, "w");
		fwrite(data, 1, cut, f);
		fclose(f);
		p->n = 0;
		assert_in_range(-elf_closure(path, add, p, why, sizeof(why)), 1, 133);
		assert_non_null(strstr(why, path));
	}
	/* And every byte of its headers wrong in its turn: any answer, in bounds. */
	for (size_t at = 0; at < 1024; at++) {
		data[at] = (char)~data[at];
		f = fopen(path, "w");
		fwrite(data, 1, len, f);
		fclose(f);
		data[at] = (char)~data[at];
		p->n = 0;
		elf_closure(path, add, p, why, sizeof(why));
	}
	free(data);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closure_is_ldds),
		cmocka_unit_test(search_paths_of_the_objects_count),
		cmocka_unit_test(static_programs_need_nothing),
		cmocka_unit_test(damaged_files_are_refused),
	};
	char command[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? 1 : failed;
}

/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/base/say.h"

__attribute__((noreturn)) static void become(const struct word_list *words, char **argv, pid_t parent, int out, int err)
{
	const char *program = getenv("KTSTR_TEST_BENCH");
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	/* A guest that nobody waits for would keep its CPUs, and its locks, from the run that goes on. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_INTERNAL);
	/* Who runs the matrix hands on what the terminal sends. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	argv[0] = (char *)"ktstr";
	argv[1] = (char *)"bench";
	memcpy(argv + 2, words->word, words->n * sizeof(*argv));
	execv(program && *program ? program : "/proc/self/exe", argv);
	say_error("%s: %s", program && *program ? program : "/proc/self/exe", strerror(errno));
	_exit(EXIT_INTERNAL);
}

pid_t child_start(const struct word_list *words, int out, int err)
{
	char **argv = calloc(words->n + 3, sizeof(*argv));
	pid_t parent = getpid(), pid = argv ? fork() : -1;

	if (!pid)
		become(words, argv, parent, out, err);
	if (pid < 0)
		pid = argv ? -errno : -ENOMEM;
	free(argv);
	return pid;
}

int child_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

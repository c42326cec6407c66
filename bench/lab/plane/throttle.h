/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr-plane throttle: the rate that comes out, and how late each grant is. */
#ifndef KTSTR_BENCH_LAB_PLANE_THROTTLE_H
#define KTSTR_BENCH_LAB_PLANE_THROTTLE_H

/* Prints the table; the program's exit code. @argv[0] is the word itself. */
int throttle_main(int argc, char **argv);

#endif

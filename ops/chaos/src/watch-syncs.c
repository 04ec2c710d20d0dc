/*
 * Loaded before a server's own libraries (LD_PRELOAD): after each sync of a file that succeeded, the file that
 * CHAOS_SYNCS names gains a line: how many bytes it had when the sync began, and its path. So the harness knows what a
 * power loss cannot take.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int noted(const char *call, int fd) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
  struct stat before;
  int known = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
  int result = sync(fd);
  const char *path = getenv("CHAOS_SYNCS");
  if (result != 0 || !known || !path) return result;
  char link[64], name[512], line[600];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t named = readlink(link, name, sizeof name);
  if (named < 0) abort(); /* a missing note would be taken for a loss */
  int length = snprintf(line, sizeof line, "%lld %.*s\n", (long long)before.st_size, (int)named, name);
  int notes = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (notes < 0 || write(notes, line, length) != length) abort();
  close(notes);
  return result;
}

int fsync(int fd) { return noted("fsync", fd); }

int fdatasync(int fd) { return noted("fdatasync", fd); }

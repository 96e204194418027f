// Data of recipes/ as bytes of the program, so that kcheck stays one file. CG_RECIPES is the folder;
// lib/CMakeLists.txt also names the files as dependencies of this object.
#include <string_view>

#include "criu/log/knowledge.h"
#include "criu/matrix.h"
#include "criu/options.h"

// Defines cg_NAME_begin and cg_NAME_end around the bytes of FILE.
#define CG_EMBED(NAME, FILE)           \
  asm(".section .rodata.cg_" NAME      \
      ",\"a\"\n"                       \
      ".global cg_" NAME               \
      "_begin\n"                       \
      ".global cg_" NAME               \
      "_end\n"                         \
      "cg_" NAME                       \
      "_begin:\n"                      \
      ".incbin \"" CG_RECIPES "/" FILE \
      "\"\n"                           \
      "cg_" NAME                       \
      "_end:\n"                        \
      ".byte 0\n"                      \
      ".previous\n")

CG_EMBED("criu_matrix", "criu-matrix.toml");
CG_EMBED("criu_options", "criu-options.toml");
CG_EMBED("criu_log", "criu-log.toml");

extern "C" {
extern const char cg_criu_matrix_begin[], cg_criu_matrix_end[];
extern const char cg_criu_options_begin[], cg_criu_options_end[];
extern const char cg_criu_log_begin[], cg_criu_log_end[];
}

namespace cg {

std::string_view builtin_matrix_text() {
  return {cg_criu_matrix_begin, cg_criu_matrix_end};
}

std::string_view builtin_options_text() {
  return {cg_criu_options_begin, cg_criu_options_end};
}

std::string_view builtin_log_text() {
  return {cg_criu_log_begin, cg_criu_log_end};
}

}  // namespace cg

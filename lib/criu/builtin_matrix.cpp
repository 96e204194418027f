// recipes/criu-matrix.toml as bytes of the program, so that kcheck stays one file. CG_MATRIX_FILE is its
// path; lib/CMakeLists.txt also names it as a dependency of this object.
#include <string_view>

#include "criu/matrix.h"

asm(".section .rodata.criu_matrix,\"a\"\n"
    ".global cg_criu_matrix_begin\n"
    ".global cg_criu_matrix_end\n"
    "cg_criu_matrix_begin:\n"
    ".incbin \"" CG_MATRIX_FILE
    "\"\n"
    "cg_criu_matrix_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" const char cg_criu_matrix_begin[];
extern "C" const char cg_criu_matrix_end[];

namespace cg {

std::string_view builtin_matrix_text() {
  return {cg_criu_matrix_begin, cg_criu_matrix_end};
}

}  // namespace cg

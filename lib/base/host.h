// The machine this runs on, as uname(2) tells it.
#pragma once

#include <string>

namespace cg {

std::string host_machine();  // "x86_64", "aarch64", ...; as read_elf() names that of a program
std::string host_release();  // of Linux: "6.12.47-x"

}  // namespace cg

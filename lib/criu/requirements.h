// What other programs ask of a kernel, in the form of the CRIU matrix: recipes/requirements.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "criu/judge.h"
#include "criu/matrix.h"

namespace cg {

// "podman", "systemd", …
std::vector<std::string> requirement_names();
// Refused: none of that name, with the nearest one.
Result<Matrix> requirements_of(const std::string& program);

// The kernel of `evidence`, for that program; `name` is the kernel's.
Subject judge_requirements(const Matrix& requirements, const std::string& program, const Evidence& evidence,
                           const std::string& name);

// CRIU's matrix with the rows of these programs behind its own.
Result<Matrix> with_requirements(Matrix matrix, const std::vector<std::string>& programs);

}  // namespace cg

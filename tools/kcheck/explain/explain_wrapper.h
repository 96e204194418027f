// runc, crun, containerd, podman, a JVM: whoever starts criu says that it failed and names the log that says
// why.
#pragma once

#include <string>

#include "criu/log/log.h"
#include "explain/signs.h"

namespace cg {

// The path of CRIU's log in the words of another program; empty: none is named.
std::string named_log(const CriuLog& log);

// Where the log names another one: that one is read in its place if it is here, and the scene says so if not.
void follow_wrapper(Scene& scene);

}  // namespace cg

// Live probes: each asks the running kernel, or the system around it, one question, the way CRIU asks it.
//
// A probe runs in a forked child (runner.cpp), so that one that hangs, is killed by a seccomp filter or
// changes its process's state harms nothing. It may leave nothing behind: what must create something does so
// on an unlinked file, or in the fresh namespace that its Place names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "criu/judge.h"

namespace cg::probes {

using Status = ProbeResult::Status;

enum class Place {
  here,         // the namespaces kcheck runs in
  own_mounts,   // a mount namespace of its own, as far as the kernel and the privileges allow
  own_network,  // likewise a network namespace
};

struct Probe {
  std::string_view name;
  ProbeResult (*run)();
  Place place = Place::here;
};

// The probes of one source file.
std::vector<Probe> proc_probes();
std::vector<Probe> syscall_probes();
std::vector<Probe> file_probes();
std::vector<Probe> network_probes();
std::vector<Probe> diag_probes();
std::vector<Probe> ptrace_probes();
std::vector<Probe> mount_probes();
std::vector<Probe> vdso_probes();
std::vector<Probe> helper_probes();

const std::vector<Probe>& all_probes();
const Probe* find_probe(std::string_view name);
std::vector<std::string> probe_names();

ProbeResult pass(std::string detail);
ProbeResult fail(std::string detail);
ProbeResult unknown(std::string detail);
ProbeResult not_applicable(std::string detail);
// "WHAT: strerror": a failure, or, for EPERM and EACCES without `capability`, not known for lack of it.
ProbeResult failed_call(const std::string& what, int error, int capability = -1);
bool has_capability(int capability);  // in the effective set

}  // namespace cg::probes

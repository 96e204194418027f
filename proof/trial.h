// One row of the proof, carried out in the guest it is called in.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "workload.h"

namespace cg::proof {

struct Programs {
  std::filesystem::path criu = "/usr/sbin/criu";
  std::filesystem::path guest_checkpoint = "/usr/bin/guest-checkpoint";
  std::filesystem::path prelude;  // of every client: client.sh
};

// What came of it, as one object:
//   row, kernel                WORKLOAD/CRIU/KERNEL/PLACE; the release that ran
//   kcheck, findings[]         its word before the dump: READY, NOT READY, NOT KNOWN; why
//   criu_says                  of a tree that was refused: what criu says when it is told all the same
//   seconds.{dump,frozen,restore}, bytes.{images,archive}
//   result                     "restored", "refused", or the step that failed: "start", "dump", "gone",
//   "restore",
//                              "state"
//   held, why                  what the client saw of the state; why it failed
nlohmann::ordered_json try_row(const Row& row, const Workload& workload, const Programs& programs);

}  // namespace cg::proof

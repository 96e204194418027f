// Runs probes in forked children, each bounded in time, and remembers their answers.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "probes/probe.h"

namespace cg::probes {

class Runner {
 public:
  // `limit`: what one probe may take before it counts as stuck.
  explicit Runner(std::chrono::milliseconds limit = std::chrono::seconds(3)) : limit_(limit) {}

  // Runs what has not been run yet, in one child for each place (and one more after every probe that was
  // stuck or died).
  void run(const std::vector<Probe>& probes);
  // The remembered answer; a probe that was not run before is run now.
  ProbeResult result(std::string_view name);
  std::size_t count() const { return results_.size(); }

 private:
  void run_place(std::vector<Probe> probes);
  // Runs the probes in one child; returns how many of them are done with.
  std::size_t run_child(const std::vector<Probe>& probes);

  std::chrono::milliseconds limit_;
  std::map<std::string, ProbeResult, std::less<>> results_;
};

}  // namespace cg::probes

// A report with a finding of each verdict, for the tests of what is made of it.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace cg {

inline Finding example_finding(std::string id, Verdict verdict) {
  Finding result;
  result.id = std::move(id);
  result.title = "a <title> & \"more\"";
  result.verdict = verdict;
  result.required = true;
  result.severity = "startup";
  result.seen = "CONFIG_X is | not set";
  result.fix = "CONFIG_X=y";
  result.file = "guest.conf";
  result.line = 7;
  return result;
}

inline Report example_report() {
  Subject subject;
  subject.name = "guest.conf";
  subject.headline = "NOT READY for CRIU 4.1.1: 1 requirement fails";
  subject.findings = {example_finding("kernel.x", Verdict::fail), example_finding("kernel.y", Verdict::pass),
                      example_finding("kernel.z", Verdict::not_applicable),
                      example_finding("kernel.w", Verdict::warn)};
  subject.verdict = Verdict::fail;
  for (const char* version : {"3.18", "4.1.1"}) {
    const bool judged = std::string(version) == "4.1.1";
    const Verdict verdict = judged ? Verdict::fail : Verdict::pass;
    subject.versions.push_back({version,
                                verdict,
                                judged ? std::vector<std::string>{"kernel.x"} : std::vector<std::string>{},
                                judged,
                                {{"kernel.x", verdict},
                                 {"kernel.y", Verdict::pass},
                                 {"kernel.z", Verdict::not_applicable},
                                 {"kernel.w", Verdict::warn}}});
  }
  return {"config", "4.1.1", {subject}};
}

}  // namespace cg

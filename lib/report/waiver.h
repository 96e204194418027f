// Waivers: findings that someone has decided to live with, for a reason and until a day.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/report.h"

namespace cg {

struct Waiver {
  std::string id;       // of the finding
  std::string subject;  // the subject's name; empty: every one
  std::string reason;
  std::string expires;  // YYYY-MM-DD: the last day it counts
  std::string place;    // file:line
};

// [[waiver]] tables with id, reason, expires and, if it is not for all, subject. Refused: anything else.
Result<std::vector<Waiver>> parse_waivers(std::string_view text, const std::string& name);
// Marks what is waived and judges the subjects anew. Returns what the user should know: waivers that have
// expired, and those that fit nothing. `today`: YYYY-MM-DD.
std::vector<std::string> apply_waivers(Report& report, const std::vector<Waiver>& waivers,
                                       const std::string& today);

}  // namespace cg

#include "report/waiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"
#include "base/toml/toml.h"

namespace cg {
namespace {

// A day of the calendar as "2026-12-31".
bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
    return error == std::errc() && end == text.data() + at + count ? value : -1;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  return year >= 0 && month >= 0 && day >= 0 &&
         std::chrono::year_month_day(std::chrono::year(year),
                                     std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
             .ok();
}

// In quotes or as a date of TOML's own, which is one of the calendar.
std::string read_date(TomlReader& reader, const TomlNode& table) {
  if (const TomlNode* date = table.find("expires"); date && date->kind == TomlNode::Kind::date)
    return std::string(date->text);
  const std::string text = reader.required_string("expires");
  if (!text.empty() && !is_date(text))
    reader.fail("expires", fmt::format("'{}' is no date such as 2026-12-31", text));
  return text;
}

void judge_again(Subject& subject, std::size_t waived) {
  const Verdict before = subject.verdict;
  subject.verdict = overall_verdict(subject.findings);
  for (auto& version : subject.versions) {
    const auto is_waived = [&](const std::string& id) {
      const auto finding = std::ranges::find(subject.findings, id, &Finding::id);
      return finding != subject.findings.end() && !finding->waiver.empty();
    };
    std::erase_if(version.reasons, is_waived);
    std::erase_if(version.open, is_waived);
    const bool was_bad = version.verdict == Verdict::fail || version.verdict == Verdict::unknown;
    if (version.judged)
      version.verdict = subject.verdict;
    else if (was_bad && version.reasons.empty())
      version.verdict = version.open.empty() ? Verdict::warn : Verdict::unknown;
    if (version.verdict == Verdict::unknown) version.reasons = version.open;
  }
  const std::string count = fmt::format("{} {} waived", waived, waived == 1 ? "finding" : "findings");
  subject.headline =
      before == subject.verdict
          ? fmt::format("{} ({})", subject.headline, count)
          : fmt::format("{} with {}; without: {}", verdict_name(subject.verdict), count, subject.headline);
}

}  // namespace

Result<std::vector<Waiver>> parse_waivers(std::string_view text, const std::string& name) {
  CG_TRY(document, parse_toml(text, name));
  TomlReader reader(document.root(), name);
  reader.only({"waiver"});
  const auto tables = reader.tables("waiver");
  CG_CHECK(reader.error());
  std::vector<Waiver> waivers;
  for (const TomlNode* table : tables) {
    TomlReader one(*table, name);
    one.only({"id", "subject", "reason", "expires"});
    Waiver waiver{one.required_string("id"), one.string("subject"), one.required_string("reason"),
                  read_date(one, *table), fmt::format("{}:{}", name, table->line)};
    CG_CHECK(one.error());
    waivers.push_back(std::move(waiver));
  }
  return waivers;
}

std::vector<std::string> apply_waivers(Report& report, const std::vector<Waiver>& waivers,
                                       const std::string& today) {
  std::vector<std::string> notes;
  std::vector<bool> used(waivers.size());
  for (Subject& subject : report.subjects) {
    std::size_t waived = 0;
    for (Finding& finding : subject.findings) {
      if (finding.verdict == Verdict::pass || finding.verdict == Verdict::not_applicable) continue;
      for (std::size_t i = 0; i < waivers.size(); ++i) {
        const Waiver& waiver = waivers[i];
        if (waiver.id != finding.id || (!waiver.subject.empty() && waiver.subject != subject.name)) continue;
        used[i] = true;
        if (waiver.expires < today) {
          notes.push_back(fmt::format("{}: the waiver for {} expired on {}: it does not count", waiver.place,
                                      waiver.id, waiver.expires));
          continue;
        }
        finding.waiver = fmt::format("{} (until {})", waiver.reason, waiver.expires);
        ++waived;
        break;
      }
    }
    if (waived > 0) judge_again(subject, waived);
  }
  std::vector<std::string> ids;
  for (const Subject& subject : report.subjects)
    for (const Finding& finding : subject.findings) ids.push_back(finding.id);
  for (std::size_t i = 0; i < waivers.size(); ++i) {
    if (used[i]) continue;
    const bool known = std::ranges::find(ids, waivers[i].id) != ids.end();
    notes.push_back(fmt::format("{}: nothing to waive: {}{}", waivers[i].place, waivers[i].id,
                                known ? " holds" : " is no finding here" + did_you_mean(waivers[i].id, ids)));
  }
  return notes;
}

}  // namespace cg

// What a check found, as plain data: verdicts, findings with stable ids, and the report that the renderers
// (text.h, json.h) write. Nothing here knows what was checked.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cg {

enum class Verdict { pass, warn, fail, unknown, not_applicable };

std::string_view verdict_name(Verdict verdict);  // "PASS", "WARN", "FAIL", "UNKNOWN", "N/A"

struct Finding {
  std::string id;  // stable, such as "kernel.membarrier"
  std::string title;
  Verdict verdict = Verdict::pass;
  bool required = false;  // an UNKNOWN here leaves the whole verdict open
  std::string severity;   // "startup", "feature:lazy-pages", ...
  bool by_tree = false;   // a tree without such a thing does well without it; `kcheck tree` tells
  std::string seen;       // what was looked at and what it said
  std::string breaks;     // what the user will see
  std::string fix;
  std::string source;
  std::string proof;
  std::string file;      // what the finding points at: a line of a fragment or a log
  std::size_t line = 0;  // from 1; 0: the file as a whole
  std::vector<std::string>
      notes;           // the steps that lead to it, in order; indented where one follows from another
  std::string waiver;  // why it is accepted, and until when; its verdict then counts for nothing
};

// How one version of the checked program fares. Only the judged one sets the exit status.
struct VersionVerdict {
  std::string version;
  Verdict verdict = Verdict::pass;
  std::vector<std::string> reasons;  // ids of the findings that decide it
  bool judged = false;
  std::vector<std::pair<std::string, Verdict>> verdicts;  // of each finding, by id
  std::vector<std::string> open;  // ids of required findings that are UNKNOWN, whatever decides
};

// What is to be added once so that all of it that can be cured so is cured.
struct Cure {
  std::string title;               // "these 10 lines cure all that a configuration can"
  std::vector<std::string> lines;  // of a file, as they stand there
  std::string command;             // that makes such a file
};

struct Subject {
  std::string name;      // "running kernel", a file
  std::string headline;  // "READY for CRIU 4.1.1"
  Verdict verdict = Verdict::pass;
  std::vector<std::pair<std::string, std::string>> facts;  // shown under the headline, in order
  std::vector<Finding> findings;
  std::vector<VersionVerdict> versions;
  // What to run, as argument vectors: {"dump", {"criu", "dump", ...}}.
  std::vector<std::pair<std::string, std::vector<std::string>>> commands;
  Cure cure;  // without lines: there is none
};

struct Report {
  std::string command;  // "live", "config", "image"
  std::string version;  // the version judged
  std::vector<Subject> subjects;
};

// One verdict of many: FAIL when any of them is; else UNKNOWN when a required one is; else WARN; else PASS.
class OverallVerdict {
 public:
  enum class Weight { required, optional };
  void add(Verdict verdict, Weight weight);
  Verdict get() const { return verdict_; }

 private:
  Verdict verdict_ = Verdict::pass;
};

// Of all findings but the waived ones.
Verdict overall_verdict(const std::vector<Finding>& findings);
// 1 for FAIL (and, when strict, for WARN); else 3 when a required row is unknown; else 0.
enum class Strictness { normal, strict };
int exit_status(const Report& report, Strictness strictness);

}  // namespace cg

// What kcheck's commands have in common.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "criu/log/knowledge.h"
#include "criu/matrix.h"
#include "report/report.h"

namespace cg {

struct KcheckOptions {
  CommonOptions common;
  std::string matrix;                 // --matrix FILE; empty: the one compiled in
  std::string criu;                   // --criu V as given
  std::vector<std::string> features;  // --feature F
  bool strict = false;
  std::string waivers;      // --waivers FILE
  std::string criu_binary;  // --criu-binary FILE
  bool with_trial = false;  // --try
  std::vector<std::string>
      passthrough;  // the words behind "--", for the commands that judge a criu command line
};

// The matrix asked for, with every probe it names known to this kcheck.
Result<Matrix> load_matrix(const KcheckOptions& options);
// The causes compiled in, or those of `file`.
Result<Knowledge> load_knowledge(const std::string& file);
// For completions and manuals.
std::vector<Named> known_versions(const Environment& env);
std::vector<Named> known_features(const Environment& env);
// --feature names, each one that the matrix has.
Result<std::set<std::string>> feature_set(const KcheckOptions& options, const Matrix& matrix);
// --for, of the commands that look at a kernel: other programs that shall run on it, too.
Option programs_option(std::vector<std::string>& programs);
// Writes the report as --format and -o say, and returns the exit status; how each command ends.
Result<int> deliver(Result<Report> report, const KcheckOptions& options, Environment& env);

}  // namespace cg

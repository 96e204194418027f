// What a CRIU says of itself: options, features, texts. Read out of a binary, its help and, where there is
// one, its source tree; lacks.h holds it against the data.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "criu/log/source_texts.h"
#include "criu/options.h"
#include "criu/version.h"

namespace cg {

struct LearnedOption {
  std::string name;
  char letter = 0;  // 0: none, or not known
  ArgumentKind argument = ArgumentKind::none;
  bool negatable = false;
  std::vector<std::string> read_in;  // files of the source tree; empty without one
};

struct CriuFacts {
  Version version;
  std::vector<LearnedOption> options;
  std::set<std::string> features;  // names of `criu check --feature`
  std::vector<SourceText> texts;   // of a binary: without place and function
  std::set<std::string> without;   // what it was built without: "libnftables", "TLS", "LZ4"

  // The probes of the start, by the name that the log has: "kerndat_has_rseq".
  std::set<std::string> start_up_probes() const;
};

// The names that `criu --help` lists behind "only check a particular feature, one of:".
std::set<std::string> features_in_help(std::string_view help);

// The texts in a program's constants: what begins as CRIU's macros make an error or a warning begin.
std::vector<SourceText> texts_in_program(std::span<const std::string_view> sections);

// "CRIU was built without libnftables support", in any of its wordings.
std::set<std::string> missing_parts(const std::vector<SourceText>& texts);

}  // namespace cg

// What the data of this project lack about a CRIU, or have too much: options, features, start-up probes and,
// with a source tree, texts that nothing answers. Each with a row to review.
#pragma once

#include <string>
#include <vector>

#include "criu/learn/facts.h"
#include "criu/log/knowledge.h"
#include "criu/options.h"
#include "criu/versions.h"

namespace cg {

struct Lack {
  std::string id;     // "option.compress", "probe.kerndat_has_x", "version"
  std::string title;  // what is missing or too much
  std::string file;   // of recipes/, where it belongs
  std::string row;    // TOML to review; empty: the title says what is to be changed
};

struct KnownData {
  const CriuVersions& versions;
  const OptionTable& options;
  const Knowledge& knowledge;
};

std::vector<Lack> lacks(const CriuFacts& facts, const KnownData& data);

// What came and went since another CRIU, for people: "+ option --x", "- text …".
std::vector<std::string> changes(const CriuFacts& older, const CriuFacts& facts);

// How many of the texts have a row that names them, whatever file they come from.
std::size_t named_texts(const CriuFacts& facts, const Knowledge& knowledge);

}  // namespace cg

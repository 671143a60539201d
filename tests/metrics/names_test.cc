#include "metrics/names.h"

#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace metrics {
namespace {

std::string type_name(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kHistogram:
      return "histogram";
  }
  return "?";
}

std::string joined_labels(const Family& family) {
  std::string text;
  for (const std::string_view label : family.labels) {
    text += (text.empty() ? "" : ", ") + std::string(label);
  }
  return text;
}

// The name without the _total of a counter: what has to end in the unit.
std::string_view measured(const Family& family) {
  std::string_view name = family.name;
  if (name.ends_with("_total")) name.remove_suffix(std::string_view("_total").size());
  return name;
}

TEST(Names, AreUnique) {
  std::set<std::string_view> seen;
  for (const Family* family : names::kAll) {
    EXPECT_TRUE(seen.insert(family->name).second) << family->name;
  }
}

TEST(Names, HaveOnePrefixOrAreThoseOfTheProcess) {
  for (const Family* family : names::kAll) {
    EXPECT_TRUE(family->name.starts_with("millrace_") || family->name.starts_with("process_"))
        << family->name;
  }
}

TEST(Names, OfCountersAndOnlyOfCountersEndInTotal) {
  for (const Family* family : names::kAll) {
    EXPECT_EQ(family->name.ends_with("_total"), family->type == Type::kCounter) << family->name;
  }
}

TEST(Names, EndInTheirBaseUnit) {
  for (const Family* family : names::kAll) {
    const std::string_view name = measured(*family);
    EXPECT_EQ(name.ends_with("_seconds"), family->unit == Unit::kSeconds) << family->name;
    EXPECT_EQ(name.ends_with("_bytes"), family->unit == Unit::kBytes) << family->name;
  }
}

TEST(Names, OfFamiliesAndLabelsAreLowerCaseWords) {
  const auto fits = [](std::string_view text) {
    for (const char c : text) {
      if (std::islower(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
    }
    return !text.empty();
  };
  for (const Family* family : names::kAll) {
    EXPECT_TRUE(fits(family->name)) << family->name;
    std::set<std::string_view> seen;
    for (const std::string_view label : family->labels) {
      EXPECT_TRUE(fits(label)) << family->name << " " << label;
      EXPECT_TRUE(seen.insert(label).second) << family->name << " " << label;
      EXPECT_NE(label, "le") << family->name;
    }
  }
}

TEST(Names, HaveAHelpOfOneSentence) {
  for (const Family* family : names::kAll) {
    EXPECT_FALSE(family->help.empty()) << family->name;
    EXPECT_FALSE(family->help.ends_with(".")) << family->name;
    EXPECT_EQ(family->help.find('\n'), std::string_view::npos) << family->name;
  }
}

// Histograms are the dear ones: each series is about twenty lines of the page.
TEST(Names, KeepHistogramsFewAndTheirLabelsFewer) {
  std::size_t histograms = 0;
  for (const Family* family : names::kAll) {
    if (family->type != Type::kHistogram) continue;
    ++histograms;
    EXPECT_LE(family->labels.size(), 2U) << family->name;
  }
  EXPECT_LE(histograms, 7U);
}

// A row of docs/metrics.md: | `name` | type | labels | meaning | what to watch |
struct DocumentedFamily {
  std::string type;
  std::string labels;
  std::string meaning;
  std::string watch;
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" `");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" `") - begin + 1);
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::size_t begin = 1;
  for (std::size_t end = row.find('|', begin); end != std::string::npos;
       end = row.find('|', begin)) {
    cells.push_back(trimmed(row.substr(begin, end - begin)));
    begin = end + 1;
  }
  return cells;
}

std::map<std::string, DocumentedFamily> documented_families() {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::ifstream file(root / "docs" / "metrics.md");
  std::map<std::string, DocumentedFamily> families;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `millrace_") && !line.starts_with("| `process_")) continue;
    const std::vector<std::string> cells = cells_of(line);
    EXPECT_EQ(cells.size(), 5U) << line;
    if (cells.size() != 5) continue;
    EXPECT_TRUE(
        families.emplace(cells[0], DocumentedFamily{cells[1], cells[2], cells[3], cells[4]}).second)
        << "twice: " << line;
  }
  return families;
}

TEST(Names, AreAllDocumentedWithTheirTypeAndLabels) {
  const auto documented = documented_families();
  for (const Family* family : names::kAll) {
    const auto row = documented.find(std::string(family->name));
    ASSERT_NE(row, documented.end()) << family->name << " is not in docs/metrics.md";
    EXPECT_EQ(row->second.type, type_name(family->type)) << family->name;
    EXPECT_EQ(row->second.labels, joined_labels(*family)) << family->name;
    EXPECT_FALSE(row->second.meaning.empty()) << family->name;
  }
}

TEST(Names, InTheDocumentationAllExist) {
  std::set<std::string> existing;
  for (const Family* family : names::kAll) existing.emplace(family->name);
  const auto documented = documented_families();
  ASSERT_FALSE(documented.empty());
  for (const auto& [name, row] : documented) {
    EXPECT_TRUE(existing.contains(name)) << "docs/metrics.md describes " << name;
  }
}

// Whatever is declared has to be in kAll, or the other tests would not see it.
TEST(Names, AreAllInTheTable) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::size_t declared = 0;
  for (const char* name : {"names.h", "transport_names.h"}) {
    std::ifstream file(root / "metrics" / name);
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("inline constexpr Family k")) ++declared;
    }
  }
  EXPECT_EQ(declared, names::kAll.size());
}

}  // namespace
}  // namespace metrics

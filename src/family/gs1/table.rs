//! The application identifiers: what each value is made of.
//!
//! Lengths and types as in the GS1 General Specifications and the GS1 Syntax Dictionary
//! (github.com/gs1/gs1-syntax-dictionary). Sorted by code, so that a search can be short.

use super::ai::{Ai, Set};

/// Every identifier; runs of identifiers with one meaning share a line.
pub(super) static TABLE: &[Ai] = &[
    Ai::digits("00", 18, "SSCC").mod10(18),
    Ai::digits("01", 14, "GTIN").mod10(14),
    Ai::digits("02", 14, "GTIN of contents").mod10(14),
    Ai::text("10", 20, "batch or lot"),
    Ai::digits("11", 6, "production date").date(),
    Ai::digits("12", 6, "due date").date(),
    Ai::digits("13", 6, "packaging date").date(),
    Ai::digits("15", 6, "best before").date(),
    Ai::digits("16", 6, "sell by").date(),
    Ai::digits("17", 6, "expiry date").date(),
    Ai::digits("20", 2, "variant"),
    Ai::text("21", 20, "serial number"),
    Ai::text("22", 20, "consumer product variant"),
    Ai::text("235", 28, "third-party serial"),
    Ai::text("240", 30, "additional product id"),
    Ai::text("241", 30, "customer part number"),
    Ai::digits("242", 0, "made-to-order variant").then(Set::Digits, 1, 6),
    Ai::text("243", 20, "packaging component"),
    Ai::text("250", 30, "secondary serial"),
    Ai::text("251", 30, "reference to source"),
    Ai::digits("253", 13, "GDTI")
        .mod10(13)
        .then(Set::Text, 0, 17),
    Ai::text("254", 20, "location extension"),
    Ai::digits("255", 13, "coupon number")
        .mod10(13)
        .then(Set::Digits, 0, 12),
    Ai::digits("30", 0, "variable count").then(Set::Digits, 1, 8),
    // The last digit of a measure is the number of decimals.
    Ai::digits("31", 6, "metric measure").run(&[6, 5]),
    Ai::digits("32", 6, "measure").run(&[9, 5]),
    Ai::digits("33", 6, "logistic metric measure").run(&[7, 5]),
    Ai::digits("34", 6, "logistic measure").run(&[9, 5]),
    Ai::digits("35", 6, "area, volume or weight").run(&[7, 5]),
    Ai::digits("36", 6, "volume").run(&[9, 5]),
    Ai::digits("37", 0, "count").then(Set::Digits, 1, 8),
    Ai::digits("390", 0, "amount")
        .run(&[9])
        .then(Set::Digits, 1, 15),
    Ai::digits("391", 3, "amount with currency")
        .run(&[9])
        .then(Set::Digits, 1, 15),
    Ai::digits("392", 0, "price")
        .run(&[9])
        .then(Set::Digits, 1, 15),
    Ai::digits("393", 3, "price with currency")
        .run(&[9])
        .then(Set::Digits, 1, 15),
    Ai::digits("394", 4, "percentage off").run(&[3]),
    Ai::digits("395", 6, "price per unit").run(&[5]),
    Ai::text("400", 30, "order number"),
    Ai::text("401", 30, "consignment number"),
    Ai::digits("402", 17, "shipment number").mod10(17),
    Ai::text("403", 30, "routing code"),
    Ai::digits("410", 13, "ship to").mod10(13),
    Ai::digits("411", 13, "bill to").mod10(13),
    Ai::digits("412", 13, "purchased from").mod10(13),
    Ai::digits("413", 13, "ship for").mod10(13),
    Ai::digits("414", 13, "physical location").mod10(13),
    Ai::digits("415", 13, "invoicing party").mod10(13),
    Ai::digits("416", 13, "production location").mod10(13),
    Ai::digits("417", 13, "party").mod10(13),
    Ai::text("420", 20, "postal code"),
    Ai::digits("421", 3, "country and postal code").then(Set::Text, 1, 9),
    Ai::digits("422", 3, "country of origin"),
    Ai::digits("423", 3, "countries of first processing").then(Set::Digits, 0, 12),
    Ai::digits("424", 3, "country of processing"),
    Ai::digits("425", 3, "countries of disassembly").then(Set::Digits, 0, 12),
    Ai::digits("426", 3, "country of full process"),
    Ai::text("427", 3, "subdivision of origin"),
    Ai::text("430", 70, "ship-to address").run(&[6]),
    Ai::digits("4307", 0, "ship-to country").then(Set::Text, 2, 2),
    Ai::text("4308", 30, "ship-to telephone"),
    Ai::digits("4309", 20, "ship-to position"),
    Ai::text("431", 70, "return-to address").run(&[6]),
    Ai::digits("4317", 0, "return-to country").then(Set::Text, 2, 2),
    Ai::text("4318", 20, "return-to postal code"),
    Ai::text("4319", 30, "return-to telephone"),
    Ai::text("4320", 35, "service description"),
    Ai::digits("4321", 1, "dangerous goods"),
    Ai::digits("4322", 1, "authority to leave"),
    Ai::digits("4323", 1, "signature required"),
    Ai::digits("4324", 10, "not before").date(),
    Ai::digits("4325", 10, "not after").date(),
    Ai::digits("4326", 6, "release date").date(),
    Ai::digits("433", 6, "transport temperature")
        .run(&[3])
        .then(Set::Text, 0, 1),
    Ai::digits("7001", 13, "NATO stock number"),
    Ai::text("7002", 30, "meat cut"),
    Ai::digits("7003", 10, "expiry date and time").date(),
    Ai::digits("7004", 0, "active potency").then(Set::Digits, 1, 4),
    Ai::text("7005", 12, "catch area"),
    Ai::digits("7006", 6, "first freeze date").date(),
    Ai::digits("7007", 6, "harvest date")
        .date()
        .then(Set::Digits, 0, 6),
    Ai::text("7008", 3, "aquatic species"),
    Ai::text("7009", 10, "fishing gear"),
    Ai::text("7010", 2, "production method"),
    Ai::digits("7011", 6, "test-by date")
        .date()
        .then(Set::Digits, 0, 4),
    Ai::text("7020", 20, "refurbishment lot"),
    Ai::text("7021", 20, "functional status"),
    Ai::text("7022", 20, "revision status"),
    Ai::text("7023", 30, "assembly"),
    Ai::digits("703", 3, "processor")
        .run(&[9])
        .then(Set::Text, 1, 27),
    Ai::digits("7040", 1, "unique identifier extension").then(Set::Text, 3, 3),
    Ai::text("71", 20, "national healthcare reimbursement number").run(&[7]),
    Ai::text("723", 30, "certification").run(&[9]),
    Ai::text("7240", 20, "clinical protocol"),
    Ai::digits("7241", 2, "media type"),
    Ai::text("7242", 25, "version control number"),
    Ai::digits("8001", 14, "roll dimensions"),
    Ai::text("8002", 20, "cellular telephone"),
    Ai::digits("8003", 14, "GRAI")
        .mod10(14)
        .then(Set::Text, 0, 16),
    Ai::text("8004", 30, "GIAI"),
    Ai::digits("8005", 6, "price per unit of measure"),
    Ai::digits("8006", 18, "ITIP").mod10(14),
    Ai::text("8007", 34, "IBAN"),
    Ai::digits("8008", 8, "production date and time")
        .date()
        .then(Set::Digits, 0, 4),
    Ai::text("8009", 50, "optical sensor"),
    Ai::digits("8010", 0, "component or part").then(Set::Key, 1, 30),
    Ai::digits("8011", 0, "component serial").then(Set::Digits, 1, 12),
    Ai::text("8012", 20, "software version"),
    Ai::text("8013", 25, "global model number"),
    Ai::text("8014", 25, "highly individualised device"),
    Ai::digits("8017", 18, "service provider, a member of staff").mod10(18),
    Ai::digits("8018", 18, "service recipient, a patient").mod10(18),
    Ai::digits("8019", 0, "service relation instance").then(Set::Digits, 1, 10),
    Ai::text("8020", 25, "payment slip reference"),
    Ai::digits("8026", 18, "ITIP of contents").mod10(14),
    Ai::digits("8030", 0, "digital signature").then(Set::Url, 1, 90),
    Ai::text("8110", 70, "coupon code"),
    Ai::digits("8111", 4, "loyalty points"),
    Ai::text("8112", 70, "paperless coupon"),
    Ai::text("8200", 70, "product page"),
    Ai::text("90", 30, "mutually agreed"),
    Ai::text("91", 90, "company internal"),
    Ai::text("92", 90, "company internal"),
    Ai::text("93", 90, "company internal"),
    Ai::text("94", 90, "company internal"),
    Ai::text("95", 90, "company internal"),
    Ai::text("96", 90, "company internal"),
    Ai::text("97", 90, "company internal"),
    Ai::text("98", 90, "company internal"),
    Ai::text("99", 90, "company internal"),
];

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_sorted_and_no_code_is_there_twice() {
        for (one, next) in TABLE.iter().zip(TABLE.iter().skip(1)) {
            assert!(one.code < next.code, "{} before {}", one.code, next.code);
        }
    }
}

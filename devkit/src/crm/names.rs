//! Word lists for names, places and trades.
//!
//! Given names and family names are common ones; houses are invented. Telephone prefixes are those
//! the French regulator keeps for fiction. The lists may grow at the end, but any change alters
//! the data set's checksum.

/// Given names, with the accents and hyphens that real ones have.
#[rustfmt::skip]
pub(super) const GIVEN: [&str; 48] = [
    "Amélie", "André", "Anne-Sophie", "Antoine", "Aurélien", "Béatrice", "Benoît", "Camille",
    "Cécile", "Chloé", "Christophe", "Claire", "Damien", "Delphine", "Élodie", "Émile", "Éric",
    "Fatima", "Florence", "François", "Gaëlle", "Guillaume", "Hélène", "Hugo", "Inès", "Isabelle",
    "Jean-Baptiste", "Jérôme", "Julie", "Karim", "Laurence", "Léa", "Loïc", "Lucie", "Maëlys",
    "Marc", "Marie-Noëlle", "Mathilde", "Nathanaël", "Noémie", "Olivier", "Pascale", "Raphaël",
    "Sébastien", "Solène", "Stéphane", "Thibault", "Zoé",
];

/// Family names.
#[rustfmt::skip]
pub(super) const FAMILY: [&str; 60] = [
    "Aubert", "Bailly", "Barbier", "Benali", "Bertrand", "Blanchard", "Boucher", "Bouvier",
    "Carpentier", "Chevalier", "Colin", "Costa", "Da Silva", "de La Tour", "Delaunay", "Diallo",
    "Dubois", "Dumas", "Dupré", "Durand", "Fabre", "Fontaine", "Garnier", "Gauthier", "Gérard",
    "Girard", "Guérin", "Haddad", "Hervé", "Jacquet", "Joly", "Lacroix", "Lambert", "Lefèvre",
    "Lemaître", "Le Gall", "Leroux", "L'Hostis", "Marchand", "Martinez", "Meunier", "Moreau",
    "Nguyen", "Noël", "Olivier", "Pelletier", "Perrin", "Picard", "Prévost", "Renard", "Rivière",
    "Robin", "Rousseau", "Roux", "Schneider", "Tessier", "Vasseur", "Vidal", "Weber", "d'Alençon",
];

/// First words of invented houses.
#[rustfmt::skip]
pub(super) const HOUSE: [&str; 40] = [
    "Belrive", "Montclar", "Hautecombe", "Sauveterre", "Roquebrune", "Valombre", "Grandlieu",
    "Clairmarais", "Fontevive", "Pierrelune", "Malvoisie", "Aubépine", "Beauséjour", "Cap Corail",
    "Chantemerle", "Corniche", "Dame Blanche", "Étoile du Sud", "Ferréol", "Garde-Freinet",
    "Île Verte", "Jonquière", "Kerangoff", "La Boétie", "Lys d'Or", "Marbeuf", "Noirmont",
    "Orée", "Passerelle", "Quatre Vents", "Rive Gauche", "Saint-Éloi", "Saint-Yves", "Solférino",
    "Tilleul", "Trois Îlets", "Ursule", "Vauban", "Vert Galant", "Ypres & Cie",
];

/// Second words, so that fifty thousand houses do not share forty names.
#[rustfmt::skip]
pub(super) const HOUSE_SECOND: [&str; 24] = [
    "", "", "", "", "Atlantique", "Alpes", "Développement", "Europe", "Finance", "France",
    "Horizon", "International", "Littoral", "Méditerranée", "Océan", "Opéra", "Participations",
    "Prévoyance", "Privé", "Rhône", "Solidaire", "Transmission", "Vendôme", "Victoire",
];

/// A kind of house: how it is named, and its labels in the CRM. `{}` takes the invented name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    pub(super) pattern: &'static str,
    pub(super) kind: &'static str,
    pub(super) category: &'static str,
}

const fn trade(pattern: &'static str, kind: &'static str, category: &'static str) -> Trade {
    Trade {
        pattern,
        kind,
        category,
    }
}

/// The kinds, the frequent ones repeated under other names.
pub(super) const TRADES: [Trade; 18] = [
    trade("{} Gestion", "FOURNISSEUR", "SDG"),
    trade("{} Asset Management", "FOURNISSEUR", "SDG"),
    trade("{} Investment Managers", "EMETTEUR", "SDG"),
    trade("Cabinet {} Patrimoine", "CLIENT", "CGPI"),
    trade("{} Conseil", "CLIENT", "CGPI"),
    trade("{} & Associés", "DISTRIBUTEUR", "CGPI"),
    trade("{} Gestion Privée", "CLIENT", "CGPI"),
    trade("Banque {}", "DISTRIBUTEUR", "WHOLESALE"),
    trade("{} Banque Privée", "CLIENT", "WHOLESALE"),
    trade("Crédit {}", "DISTRIBUTEUR", "WHOLESALE"),
    trade("Caisse de retraite {}", "INVESTOR", "INSTITUTION"),
    trade("Mutuelle {}", "INVESTOR", "INSTITUTION"),
    trade("Fondation {}", "INVESTOR", "INSTITUTION"),
    trade("{} Family Office", "INVESTOR", "AUTRES"),
    trade("Holding {}", "INVESTOR", "CORPORATION"),
    trade("Plateforme {}", "DISTRIBUTEUR", "WHOLESALE"),
    trade("{} Tech", "AUTRE", "STARTUP"),
    trade("Assurances {}", "INVESTOR", "INSTITUTION"),
];

/// A town with its postcode, country and the telephone prefix kept for fiction there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Town {
    pub(super) name: &'static str,
    pub(super) postcode: &'static str,
    pub(super) country: &'static str,
    pub(super) country_code: &'static str,
    pub(super) phone: &'static str,
}

const fn french(name: &'static str, postcode: &'static str, phone: &'static str) -> Town {
    Town {
        name,
        postcode,
        country: "France",
        country_code: "FR",
        phone,
    }
}

const fn foreign(
    name: &'static str,
    postcode: &'static str,
    country: &'static str,
    country_code: &'static str,
) -> Town {
    Town {
        name,
        postcode,
        country,
        country_code,
        phone: "01 99 00",
    }
}

/// The towns; postcodes with leading zeros and letters are meant.
pub(super) const TOWNS: [Town; 24] = [
    french("Paris", "75001", "01 99 00"),
    french("Paris", "75002", "01 99 00"),
    french("Paris", "75008", "01 99 00"),
    french("Paris", "75009", "01 99 00"),
    french("Paris", "75016", "01 99 00"),
    french("Neuilly-sur-Seine", "92200", "01 99 00"),
    french("Lyon", "69002", "04 65 71"),
    french("Lyon", "69006", "04 65 71"),
    french("Marseille", "13008", "04 65 71"),
    french("Aix-en-Provence", "13100", "04 65 71"),
    french("Nice", "06000", "04 65 71"),
    french("Bourg-en-Bresse", "01000", "04 65 71"),
    french("Saint-Étienne", "42000", "04 65 71"),
    french("Bordeaux", "33000", "05 36 49"),
    french("Toulouse", "31000", "05 36 49"),
    french("Nantes", "44000", "02 61 91"),
    french("Rennes", "35000", "02 61 91"),
    french("Lille", "59800", "03 53 01"),
    french("Strasbourg", "67000", "03 53 01"),
    french("Ajaccio", "20000", "04 65 71"),
    foreign("Genève", "1204", "Suisse", "CH"),
    foreign("Luxembourg", "L-1855", "Luxembourg", "LU"),
    foreign("Bruxelles", "1050", "Belgique", "BE"),
    foreign("London", "EC2V 7HN", "Royaume-Uni", "GB"),
];

/// Streets.
#[rustfmt::skip]
pub(super) const STREETS: [&str; 12] = [
    "rue de la Paix", "avenue de l'Opéra", "boulevard Haussmann", "place Bellecour",
    "rue de la République", "cours Mirabeau", "allée des Érables", "quai des Chartrons",
    "impasse du Vieux Puits", "rue Saint-Honoré", "chemin de l'Écluse", "rue Édouard-Vaillant",
];

/// What people do.
#[rustfmt::skip]
pub(super) const JOBS: [&str; 20] = [
    "Directrice générale", "Directeur général délégué", "Gérant", "Gérante obligataire",
    "Responsable de la sélection de fonds", "Conseiller en gestion de patrimoine",
    "Banquière privée", "Analyste ESG", "Directeur des investissements", "Responsable conformité",
    "Multigérante", "Responsable partenariats", "Assistante de direction", "Trésorier",
    "Fondatrice", "Juriste", "Head of Sales", "Relationship Manager", "Middle office",
    "Contrôleur des risques",
];

/// How a person's part is written in the free-text role.
pub(super) const PARTS: [&str; 6] = [
    "Décideur",
    "Prescripteur",
    "Contact commercial",
    "Contact technique",
    "Administratif",
    "Autre",
];

/// Investment styles.
#[rustfmt::skip]
pub(super) const STRATEGIES: [&str; 8] = [
    "Actions européennes", "Obligations", "Monétaire", "Private equity", "Dette privée", "ISR",
    "Multi-actifs", "Immobilier",
];

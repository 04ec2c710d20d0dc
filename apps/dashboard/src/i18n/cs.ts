import type { Messages } from './en.ts'

export const cs: Messages = {
  nav: {
    analyse: 'Analýza', data: 'Data', operate: 'Provoz', overview: 'Přehled', content: 'Obsah', segments: 'Segmenty',
    catalog: 'Kvalita katalogu', quality: 'Kvalita dat', proof: 'Důkazy', queues: 'Fronty', settings: 'Nastavení',
    entity: 'Položka', menu: 'Nabídka', skip: 'Přejít k obsahu', main: 'Hlavní nabídka', tenant: 'Tenant', apiDocs: 'Konzole API',
    logout: 'Odhlásit', account: 'Účet', notFound: 'Stránka nenalezena', notFoundText: 'Na této adrese nic není.', backHome: 'Zpět na přehled',
  },
  bar: {
    range: 'Období', compare: 'Porovnat', compareNone: 'Bez porovnání', comparePrev: 'Předchozí období', compareYear: 'Rok předtím',
    matchWeekday: 'Dny v týdnu k sobě', earlier: 'Dřívější období', later: 'Pozdější období', typed: 'Napište období', typedHint: '7d, 2026-10 nebo 2026-10-01..2026-10-20',
    typedWrong: 'To není období o nejvýše 400 dnech', calendar: 'Vyberte dny', apply: 'Použít', type: 'Druh', action: 'Metrika', interval: 'Interval',
    filters: 'Filtry', removeFilter: 'Odebrat filtr {filter}', clearFilters: 'Zrušit filtry', broken: 'Část adresy nešla přečíst a byla nahrazena: {names}',
    dismiss: 'Skrýt', share: 'Kopírovat odkaz', copied: 'Odkaz zkopírován', search: 'Hledat', previousMonth: 'Předchozí měsíc', nextMonth: 'Další měsíc',
  },
  preset: {
    today: 'Dnes', yesterday: 'Včera', '7d': 'Posledních 7 dní', '28d': 'Posledních 28 dní', '90d': 'Posledních 90 dní', month: 'Tento měsíc',
    lastMonth: 'Minulý měsíc', year: 'Letos', '12m': 'Posledních 12 měsíců', lastYear: 'Loni',
  },
  interval: { day: 'Den', week: 'Týden', month: 'Měsíc', year: 'Rok' },
  state: {
    loading: 'Načítá se', retry: 'Zkusit znovu', failed: '{what}: nepodařilo se načíst', requestId: 'Číslo požadavku', copy: 'Kopírovat', copiedId: 'Zkopírováno',
    partial: 'neúplné do {time}', complete: 'úplné', noFlush: 'Zatím nic nezapsáno',
    forbidden: 'Na tohle vaše role nestačí.', close: 'Zavřít', cancel: 'Zrušit', delete: 'Smazat',
    unreachable: 'Server není dostupný. Ověřte, že flotila běží.', all: 'Vše',
  },
  table: { copiedCurl: 'Zkopírováno: klíč patří do $KEY', copyCurl: 'Kopírovat jako curl', download: 'Stáhnout {format}', exportFor: 'Exportovat: {what}', more: 'Načíst další', search: 'Hledat v tabulce', asTable: 'Zobrazit tabulku', asChart: 'Zobrazit graf', title: 'Název', count: 'Počet', change: 'Změna', id: 'Id', previous: 'Předtím', time: 'Čas', rank: 'Pořadí', noMatch: 'Žádný řádek neobsahuje „{text}“.' },
  delta: { up: 'nárůst o {value}', down: 'pokles o {value}', same: 'beze změny', fresh: 'nové', against: 'proti {range}' },
  chart: {
    summary: '{name}: celkem {total} za {buckets}, nejvíce {top} ({max}).', summaryEmpty: '{name}: v tomto období žádné události.', against: 'Porovnávané období: {total}.',
    partial: 'Poslední bod se ještě plní.', buckets: 'intervalů: {count}', previous: 'Předtím', notes: 'Poznámky v období',
  },
  overview: {
    title: 'Přehled', active: 'Aktivní: {kind}', activeHint: 's aspoň jednou událostí v období', duplicates: 'Zastavené duplicity', rejected: 'Odmítnuté',
    trend: '{metric} v čase', topBy: 'Pořadí podle: {metric}', movers: 'Rostoucí a klesající', promote: 'Stojí za propagaci', fix: 'Stojí za opravu',
    noEvents: 'V tomto období nejsou události', noEventsText: 'Události jsou od {from} do {to}.', showThem: 'Zobrazit je',
    proven: 'Každá událost je dohledatelná', unproven: 'Účetní kniha nesouhlasí', pending: 'na cestě: {count}',
    whole: 'celý tenant, podle času příchodu', firstTitle: 'Čeká se na první událost', firstText: 'Pošlete ji s klíčem a stránka se zaplní sama.', snippet: 'Na webové stránce', curl: 'Z terminálu', demo: 'Nebo si to prohlédněte na ukázkových datech:', makeKey: 'Vytvořit klíč', noSuggestions: 'V tomto období nic nevyčnívá.', noMovers: 'Proti předchozímu období se nic nepohnulo.',
  },
  demo: { load: 'Nahrát ukázková data', loading: 'Ukázková data se nahrávají: několik sekund', loaded: 'Ukázková data: skutečné filmy, vymyšlená návštěvnost' },
  content: { title: 'Obsah', top: 'Nejvíce', gaining: 'Rostoucí', losing: 'Klesající', breakdown: 'Podle: {dimension}', dimension: 'Rozdělit podle', filterBy: 'Filtrovat: {value}', noRows: 'V tomto období se nic nepočítalo.' },
  entity: {
    total: 'Celkem', inRange: 'V období', rank: 'Pořadí', rankOf: '{rank} z {count}', share: 'Podíl', first: 'První den', last: 'Poslední den', catalog: 'Řádek katalogu', noRow: 'Počítá se bez řádku v katalogu: sirotek.', opening: 'Před napojením obsahoval', shown: 'Katalog ukazuje', related: 'Související', why: 'Proč právě toto číslo?', trend: '{metric}: {kind}', noRelated: 'Nic s ní nesdílí žádnou hodnotu.', neverCounted: 'nikdy',
  },
  proof: {
    ledger: 'Účetní kniha událostí', ledgerText: 'Každá příchozí událost je započtena, zastavena jako duplicita, nebo odmítnuta s důvodem. Započtené jsou v souhrnech, na cestě do nich, nebo jmenovitě uvedené.', balanced: 'Souhlasí', unbalanced: 'Nesouhlasí',
    received: 'Přijato', counted: 'Započteno', duplicates: 'Duplicity', rejected: 'Odmítnuto', quarantined: 'V karanténě', pending: 'Na cestě', parity: 'Shoda úložišť', parityText: 'Každé úložiště se srovnává s tím, z něhož vzniká.', equal: 'Všechna úložiště se shodují', different: 'Rozdílů: {count}', store: 'Úložiště', compared: 'Porovnáno', differences: 'Rozdíly', orphans: 'Sirotků: {count}. Položky, které se počítají bez řádku v katalogu; nejde o rozdíl.', history: 'Dřívější běhy', never: 'Zatím žádný běh', neverText: 'Flotila úložiště porovnává sama; hned to udělá {command}.',
    evidence: 'Podepsané důkazy', evidenceText: 'Každá zpráva obsahuje součty, účetní knihu a shodu, je podepsaná a navazuje na předchozí.', verified: 'Ověřena', broken: 'Porušena', fingerprint: 'Otisk klíče', noReports: 'Zatím žádná zpráva', noReportsText: 'Vytvoří ji {command}; ověřit ji lze i bez sítě.',
    why: 'Proč právě toto číslo?', whyText: 'Od čísla k dávkám, z nichž vzniklo.', explain: 'Vysvětlit', entityId: 'Id', bucket: 'Interval', bucketHint: 'den, týden, měsíc nebo rok; prázdné = vše', shown: 'Zobrazeno', addsUp: 'Souhlasí', addsNot: 'Nesouhlasí', contributions: 'Dávky', batch: 'Dávka', value: 'Hodnota', job: 'Úloha', checksum: 'Kontrolní součet', frozen: 'Vznik', shard: 'Díl', remaining: 'Z dávek, jejichž obsah se už neuchovává', waiting: 'Na cestě', catalogRow: 'Řádek katalogu', segmentDocument: 'Dokument segmentů', nothing: 'Uveďte něco, co se počítalo, například kliknutím na číslo na stránce položky.', tookMs: 'trvalo {ms} ms', inFlight: 'Řádky na cestě byly vynechány: {count}',
  },
  queues: {
    title: 'Fronty', queue: 'Fronta', waiting: 'Čeká', active: 'Běží', delayed: 'Odloženo', failed: 'Selhalo', completed: 'Hotovo', workers: 'Pracovníci', oldest: 'Nejstarší čeká', paused: 'Pozastavena', running: 'Obsluhována', state: 'Stav', board: 'Bull Board', boardText: 'Úlohy, jejich data a chyby; operátoři je mohou opakovat a pozastavit.', openBoard: 'Otevřít Bull Board', schedules: 'Rozvrh', schedule: 'Opakování', next: 'Příště', lastRun: 'Poslední běh', ticks: 'Běhy za 24 h', late: 'Zpoždění', jobs: 'Úlohy', job: 'Úloha', success: 'Úspěšnost', p50: 'Medián', p95: 'p95', reasons: 'Důvody', alerts: 'Omezení rychlosti', noAlerts: 'Nic nebylo omezeno.', kpis: 'Sliby a jejich plnění', target: 'cíl {value}', met: 'splněno', missed: 'nesplněno', noWorker: 'bez pracovníka', noJobs: 'V této době neběžela žádná úloha.', perHour: 'Pokusů za hodinu', retried: 'Opakováno', stalled: 'Uvízlo', limited: 'Omezeno', took: 'Trvalo', every: 'každých {span}', hourly: 'každou hodinu v minutě {minute}', daily: 'denně v {time} ({zone})', noScheduler: 'zatím ne: žádný plánovač neběžel', 'state-running': 'běží', 'state-done': 'hotovo', 'state-failed': 'selhalo', ticksDone: 'hotovo {count}', ticksFailed: 'selhalo {count}', ticksMissed: 'zmeškáno {count}', worker: 'Pracovník', seen: 'Naposledy', lastDay: 'Za posledních 24 hodin', noWorkers: 'V této době žádný pracovník nic nedělal.', dropped: 'Události vlastních úloh, které se v této době nepodařilo uložit a tady chybí: {count}.',
  },
  kpi: {
    by: 'Období', byDay: 'Dny', byHour: 'Hodiny', days: 'Po dnech (UTC), posledních 30', hours: 'Po hodinách, posledních 48', history: 'Historie jako tabulka', value: 'Hodnota', none: 'zatím není co říct',
    acceptance: 'Přijetí', acceptanceText: 'Přijaté události včetně opakovaných ze všech, které přišly v čitelných požadavcích.',
    dedupe: 'Zachycená opakování', dedupeText: 'Opakování, která se našla a nepočítala, z nich a z událostí, které kniha našla započtené dvakrát.',
    flush: 'Chyby zápisu', flushText: 'Neúspěšné pokusy zapisovacích úloh v celé instalaci; každý se opakuje.',
    parity: 'Shoda', parityText: 'Čísla, která dvě úložiště při posledním porovnání řekla různě, v celé instalaci.',
    responsiveness: 'Rychlost odpovědí', responsivenessText: '95 ze 100 čtení, i těch z této aplikace, trvalo nejvýš takto dlouho.',
  },
  catalog: {
    score: 'Úplnost', rows: 'řádků: {count}', byField: 'Podle polí', byCategory: 'Podle: {category}', missing: 'Chybí', trend: 'Úplnost po dnech', issues: 'Seznam práce', kind: 'Druh závady', field: 'Pole', wontFix: 'Neopravovat', undo: 'Vrátit', reason: 'Důvod', wontFixTitle: 'Nechat, jak je', open: 'Otevřené', done: 'Neopravovat', all: 'Vše', noIssues: 'Tady není co dělat.', 'orphan-count': 'Počítá se bez řádku', 'orphan-link': 'Odkazy do prázdna', duplicate: 'Duplicity', missingField: 'Chybí: {field}', notCounted: 'počítá se v noci', category: 'Kategorie', state: 'Stav',
  },
  quality: {
    received: 'Přijato', accepted: 'Započteno', duplicates: 'Duplicity', rejected: 'Odmítnuto', text: 'Co se stalo s událostmi, které přišly v tomto období, podle času příchodu.', split: 'Kam události putovaly', none: 'V tomto období nic nepřišlo.', rejectedHint: 'Každá odmítnutá událost dostala kód a ukazatel na chybu.', duplicatesHint: 'Opakování se stejným event_id, zastavená před započtením.', acceptedHint: 'Započteno jednou, ať spadne cokoli.', quarantinedHint: 'Odloženo k posouzení.', quarantined: 'V karanténě', codes: 'Všechny chybové kódy',
  },
  segments: {
    builder: 'Sestavit segment', condition: 'Podmínka', add: 'Přidat podmínku', remove: 'Odebrat podmínku', match: 'Platí', allOf: 'všechny', anyOf: 'některá', not: 'ne', ofAll: '{share} ze všech', saved: 'Uložené segmenty', name: 'Název', save: 'Uložit segment', personal: 'Osobní', shared: 'Sdílený', visibility: 'Kdo ho vidí', facets: 'Co v něm je', top: 'Největší', dimension: 'Dimenze', operator: 'je', values: 'Hodnoty oddělené čárkou', from: 'od', to: 'pod', exists: 'má hodnotu', none: 'Zatím žádný segment', noneText: 'Sestavte ho vedle a uložte.', distribution: 'Rozdělení', distributionBy: 'Seskupit podle', histogram: 'Jak se počty rozkládají', percentiles: 'Polovina má nejvýše {p50}, devět z deseti nejvýše {p90}, 99 ze 100 nejvýše {p99}.', entities: 'Položek', sum: 'Součet', between: 'mezi', in: 'je jedno z', byCount: 'Počet', emptyValue: 'bez hodnoty', noData: 'V tomto období se nic nepočítalo.', incomplete: 'Doplňte každou podmínku a uvidíte, kdo vyhovuje.',
  },
  settings: {
    appearance: 'Vzhled', theme: 'Motiv', system: 'Podle systému', light: 'Světlý', dark: 'Tmavý', language: 'Jazyk', shortcuts: 'Jednoklávesové zkratky', shortcutsText: 'V polích neplatí; všechny ukáže {key}.', keys: 'Klíče API', key: 'Klíč', scopes: 'Oprávnění', created: 'Vytvořen', revoked: 'Zneplatněn', revoke: 'Zneplatnit', revokeTitle: 'Zneplatnit tento klíč?', revokeText: 'Kdo používá {name}, bude do pěti vteřin odmítnut. Nelze to vrátit.', newKey: 'Nový klíč', keyName: 'Název', make: 'Vytvořit klíč', secretOnce: 'Tajemství se ukáže jen teď. Zkopírujte si ho.', publishable: 'Pro webové stránky (jen posílá události, jen ze svých adres)', origins: 'Adresy webů oddělené čárkou', team: 'Tým a role', person: 'Jméno', role: 'Role', invite: 'Pozvat', inviteButton: 'Vytvořit přihlašovací odkaz', inviteText: 'Předejte tento odkaz: {name}. Platí jednou, do jednoho dne.', noPassword: 'zatím bez hesla', you: 'vy', roleText: 'Čtenáři a analytici se dívají; operátoři zasahují do front; správci mohou vše.', tenantText: 'Čísla, dny a klíče patří tenantovi; jeho časové pásmo je {zone}.', password: 'Změnit heslo', copied: 'Zkopírováno', viewerOnly: 'Klíče a lidi vidí jen správci.', inUse: 'používá se', about: 'Tato instalace',
  },
  role: { viewer: 'Čtenář', analyst: 'Analytik', operator: 'Operátor', admin: 'Správce' },
  palette: { title: 'Přejít na', placeholder: 'Stránka, období, název nebo akce …', pages: 'Stránky', ranges: 'Období', entities: 'Názvy', actions: 'Akce', nothing: 'Nic nenalezeno', theme: 'Přepnout motiv', language: 'Přepnout jazyk', help: 'Klávesové zkratky', copyLink: 'Kopírovat odkaz na tento pohled' },
  keys: { title: 'Klávesové zkratky', general: 'Kdekoli', ranges: 'Období', pages: 'Přejít na', palette: 'Hledat a přejít', sheet: 'Tento přehled', search: 'Hledat v tabulce', close: 'Zavřít; pak zrušit filtry', compare: 'Porovnání zapnout nebo vypnout', interval: 'Další interval', table: 'Graf nebo tabulka', shift: 'Dříve nebo později', then: 'pak', off: 'Jednoklávesové zkratky jsou v nastavení vypnuté.' },
}

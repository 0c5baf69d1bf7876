"""Which of our fields a column name means, in English and Dutch.

Names are compared as `plain` leaves them: lower case, letters and digits only. A word that means
something else in another kind of file stands under `BY_KIND`.
"""

from __future__ import annotations

import re

_ALIASES = {
    "customer_id": "customerid customerno customernumber customercode custid clientid householdid"
    " klantnummer klantnr klantid klantcode klant relatienummer relatienr relatieid"
    " debiteurnummer debiteurnr debiteur accountid memberid contactid referenceid",
    "card_no": "cardno cardnumber loyaltycard loyaltycardnumber loyaltynumber pasnummer pasnr"
    " kaartnummer kaartnr klantenkaart klantenkaartnummer klantpas spaarkaart spaarpas"
    " lidnummer lidmaatschapsnummer",
    "email": "email emailaddress mail mailaddress emailadres mailadres epost customeremail"
    " klantemail contactemail billingemail factuuremail",
    "phone": "phone phonenumber telephone tel telefoon telefoonnummer telefoonnr mobile"
    " mobilephone mobiel mobielnummer gsm billingphone customerphone",
    "first_name": "firstname givenname voornaam roepnaam forename",
    "middle_name": "middlename tussenvoegsel tussenvoegsels voorvoegsel infix prefix",
    "last_name": "lastname surname familyname achternaam familienaam",
    "full_name": "fullname customername klantnaam volledigenaam contactpersoon naamklant",
    "birth_date": "birthdate dateofbirth dob birthday geboortedatum geboortedag gebdatum",
    "gender": "gender sex geslacht aanhef",
    "company": "company companyname bedrijf bedrijfsnaam organisatie organization defaultcompany",
    "role": "role rol jobrole jobtitle functie functienaam functietitel contactrole contactrol"
    " buyingrole",
    "is_business": "isbusiness zakelijk b2b wholesale groothandel zakelijkeklant",
    "postcode": "postcode postalcode zip zipcode billingzip",
    "city": "city town plaats woonplaats stad plaatsnaam",
    "country": "country countrycode land landcode countryregion billingcountry",
    "language": "language locale taal taalcode",
    "created_at": "createdat created createdate customersince klantsinds aangemaakt aangemaaktop"
    " inschrijfdatum aanmaakdatum lidsinds signup datecreated registratiedatum",
    "updated_at": "updatedat lastmodified lastmodifieddate gewijzigd gewijzigdop modifiedat",
    "tags": "tags labels",
    "accepts_email": "newsletter nieuwsbrief optin acceptsmarketing acceptsemailmarketing"
    " emailoptin mailing marketingoptin nieuwsbriefontvangen toestemming",
    "accepts_sms": "acceptssmsmarketing smsoptin",
    "opted_out": "optout donotemail unsubscribedfromallemail uitgeschreven afgemeld"
    " geenmailing nomail",
    "consent_status": "consentemail emailsubscriptionstatus subscriptionstatus inschrijfstatus"
    " nieuwsbriefstatus",
    "consent_at": "consentat consentdate optindatum optindate toestemmingsdatum nieuwsbriefdatum",
    "consent_source": "consentsource optinbron toestemmingsbron",
    "order_id": "orderid orderno ordernumber order orderref invoiceno invoicenumber invoice"
    " invoiceid receiptid receiptno receiptnumber receipt transactionid transactionno basketid"
    " ticketno saleid bonnummer bonnr bon kassabon kassabonnummer factuurnummer factuurnr factuur"
    " ordernummer ordernr bestelnummer bestelnr bestelling transactienummer transactieid",
    "line_id": "lineno lineid linenumber regelnummer regelnr regel positie orderlineid",
    "purchased_at": "purchasedat purchasedate orderdate saledate invoicedate transactiondate"
    " transactiontimestamp date datetime orderedat placedat datum verkoopdatum factuurdatum"
    " besteldatum orderdatum aankoopdatum bondatum transactiedatum datumtijd kassadatum",
    "purchased_time": "time tijd tijdstip kassatijd",
    "store": "store storeid storename shop branch location filiaal filiaalnummer winkel vestiging"
    " kassalocatie",
    "channel": "channel saleschannel kanaal verkoopkanaal",
    "product_id": "productid itemid productnummer",
    "sku": "sku stockcode itemcode itemnumber productcode articlenumber articleno article"
    " artikel artikelnummer artikelnr artikelcode ean eancode barcode gtin",
    "product_name": "productname product item itemname description title producttitle"
    " omschrijving artikelomschrijving artikelnaam productnaam productomschrijving",
    "category": "category productcategory categorypath producttype department itemgroup"
    " groep artikelgroep productgroep categorie hoofdgroep afdeling rubriek",
    "brand": "brand vendor manufacturer merk merknaam fabrikant leverancier",
    "gender_target": "gendertarget doelgroep",
    "colour": "colour color kleur",
    "size": "size maat",
    "quantity": "quantity qty units count aantal stuks hoeveelheid aantalstuks",
    "amount": "grossamount amount linetotal total totalamount salesvalue sales revenue bedrag"
    " omzet regelbedrag totaalbedrag regeltotaal totaal prijsincl bedragincl bedraginclbtw"
    " omzetincl brutobedrag verkoopbedrag",
    "net_amount": "netamount nettobedrag bedragexcl bedragexclbtw omzetexcl prijsexcl",
    "unit_price": "unitprice price itemprice priceeach prijs stuksprijs verkoopprijs"
    " prijsperstuk eenheidsprijs",
    "tax": "taxamount tax taxes vat vatamount btw btwbedrag belasting",
    "discount": "discountamount discount discounts korting kortingsbedrag kortingbedrag",
    "discount_code": "discountcode discountcodes promocode promocodes promotioncode couponcode"
    " couponcodes vouchercode kortingscode kortingscodes actiecode",
    "currency": "currency currencycode valuta munt muntsoort",
    "is_return": "isreturn return returned retour isretour retourjn geretourneerd",
    "is_subscription": "issubscription subscriptionorder subscriptionitem isabonnement"
    " abonnementsregel abonnementjn",
    "document_type": "documenttype doctype transactiontype eventtype soort documentsoort boncode"
    " transactiesoort",
    "original_order_id": "originalreceiptid originalorderid origineelbonnummer",
    "replacement_days": "replacementdays vervangdagen levensduurdagen",
    "price": "listprice retailprice variantprice adviesprijs",
    "status": "status",
}  # fmt: skip

#: Words with another meaning in one kind of file.
BY_KIND = {
    "customers": {
        "id": "customer_id", "name": "full_name", "naam": "full_name", "code": "customer_id",
        "mobile": "phone", "number": "customer_id", "nummer": "customer_id", "date": "created_at",
        "datum": "created_at", "title": "role", "position": "role",
    },
    "products": {
        "id": "product_id", "name": "product_name", "naam": "product_name", "title": "product_name",
        "titel": "product_name", "type": "category", "price": "price", "prijs": "price",
        "verkoopprijs": "price", "unitprice": "price", "code": "sku", "levensduur":
        "replacement_days", "url": "url", "producturl": "url", "image": "image_url",
        "imageurl": "image_url", "voorraad": "stock", "stock": "stock",
    },
    "orders": {"type": "document_type", "name": "full_name", "naam": "full_name"},
    "consent": {"status": "consent_status", "id": "customer_id"},
}  # fmt: skip
BY_KIND["transactions"] = BY_KIND["orders"]


def plain(header: str) -> str:
    """A column name without case, spaces and signs.

    >>> plain("E-mail adres:")
    'emailadres'
    """
    return re.sub(r"[\W_]+", "", header.lower())


ALIASES = {word: field for field, words in _ALIASES.items() for word in words.split()}

#: Every field a column can be given by hand.
FIELDS = frozenset(ALIASES.values()) | {
    field for words in BY_KIND.values() for field in words.values()
}
